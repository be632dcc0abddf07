"""A small residual network for images."""

from __future__ import annotations

from typing import Literal, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from purifyjax.errors import require
from purifyjax.models.conv import image_rows, neighbourhoods, pooled

Norm = Literal["batch", "group", "none"]


class ResNet(nn.Module):
    """Pre-activation residual network: h ← S h + conv(ReLU(norm(conv(ReLU(norm(h)))))), all convolutions 3 × 3.

    A convolution to the first width starts. Then come `blocks` residual blocks a width; between widths h is mean pooled
    2 × 2, where an odd side loses its last row or column. S is the identity, or a matrix across channels where the
    width changes. The end: norm – ReLU – mean over all pixels – dense K. Convolutions have biases only without norm.

    The norms:
      batch: each channel minus its mean over batch and pixels, over its standard deviation, then scaled and shifted.
        Where the collection "batch_stats" may be changed, in training, mean and variance are the batch's and the
        running ones follow, r ← 0.9 r + 0.1 (the batch's); elsewhere, in evaluation and attacks, the running ones
        serve, so that the logits of an image depend on that image alone.
      group: the same over pixels and groups of channels of each image by itself.
      none: nothing.

    Parameters (collection "params"): `Dense_i`, in the order of the layers (S after the two convolutions of its block),
    with `kernel` and `bias`; the kernel of a convolution is [9 c, channels]: a column is a filter. `BatchNorm_i` or
    `GroupNorm_i` hold `scale` and `bias`.

    Attributes:
      shape: height, width and channels of an image.
      classes: K.
      widths: channels, one after another; the image is halved before every one but the first.
      blocks: of each width.
      norm: "batch", "group" or "none".
      groups: of group normalisation, a divisor of every width.
      precision: of the matrix products; `Precision.HIGHEST` makes evaluation full float32 everywhere.

    Source: He, Zhang, Ren & Sun, Identity mappings in deep residual networks (arXiv 1603.05027); Ioffe & Szegedy
    (arXiv 1502.03167); Wu & He (arXiv 1803.08494).
    """

    shape: tuple[int, int, int]
    classes: int
    widths: tuple[int, ...] = (8, 16)
    blocks: int = 1
    norm: Norm = "batch"
    groups: int = 4
    precision: jax.lax.Precision | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "n height*width*channel"]) -> Float[Array, "n class"]:
        """The logits of images, a row each.

        Raises:
          ConfigError: rows of another length than `shape` has entries, images too small for the poolings, no width or
            block, another norm, or groups that do not divide every width.
        """
        self._validate()
        h = image_rows(x, self.shape, len(self.widths) - 1)
        h = self._convolution(h, self.widths[0])
        for stage, width in enumerate(self.widths):
            h = pooled(h, "mean") if stage > 0 else h
            for _ in range(self.blocks):
                update = self._convolution(self._active(h), width)
                update = self._convolution(self._active(update), width)
                if h.shape[-1] != width:
                    h = nn.Dense(width, use_bias=False, precision=self.precision)(h)
                h = h + update
        h = jnp.mean(self._active(h), axis=(1, 2))
        return nn.Dense(self.classes, precision=self.precision)(h)

    def _validate(self) -> None:
        require(len(self.widths) >= 1, "widths", self.widths, "at least one")
        require(self.blocks >= 1, "blocks", self.blocks, "at least 1")
        require(self.norm in get_args(Norm), "norm", self.norm, " or ".join(get_args(Norm)))
        if self.norm == "group":
            divide = self.groups >= 1 and not any(width % self.groups for width in self.widths)
            require(divide, "groups", self.groups, f"a divisor of the widths {self.widths}")

    def _convolution(self, h: Array, channels: int) -> Array:
        """3 × 3; without a bias where norms follow, which have their own."""
        dense = nn.Dense(channels, use_bias=self.norm == "none", precision=self.precision)
        return dense(neighbourhoods(h))

    def _active(self, h: Array) -> Array:
        """ReLU of the normed values."""
        if self.norm == "batch":
            training = self.is_mutable_collection("batch_stats")
            h = nn.BatchNorm(use_running_average=not training, momentum=0.9)(h)
        elif self.norm == "group":
            h = nn.GroupNorm(num_groups=self.groups)(h)
        return nn.relu(h)

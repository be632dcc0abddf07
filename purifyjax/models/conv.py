"""A small convolutional network for images."""

from __future__ import annotations

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from purifyjax.errors import require

_POOLED = (2, 2)
_HIDDEN = 64


def neighbourhoods(images: Float[Array, "n height width c"]) -> Float[Array, "n height width 9*c"]:
    """The 3 × 3 pixels around every pixel, rows first, zero beyond the border; a dense layer of them is a convolution.

    Inside loops XLA's convolutions of small images take ten times as long on a CPU as this product.
    """
    height, width = images.shape[1:3]
    padded = jnp.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifted = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return jnp.concatenate(shifted, axis=-1)


class SmallConv(nn.Module):
    """Convolution 3 × 3 – ReLU – mean pool 2 × 2, once a number of channels, then dense 64 – ReLU – dense K.

    Convolutions keep height and width; a pooling of an odd side drops the last row or column. Nothing is normalised by
    the batch, so that the logits of an image depend on that image alone, and pooling takes means, whose gradient
    reaches every pixel.

    Attributes:
      shape: height, width and channels of an image.
      classes: K.
      channels: of the convolutions, one after another.
      precision: of the matrix products; `Precision.HIGHEST` makes evaluation full float32 everywhere.
    """

    shape: tuple[int, int, int]
    classes: int
    channels: tuple[int, ...] = (16, 32)
    precision: jax.lax.Precision | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "n height*width*channel"]) -> Float[Array, "n class"]:
        """The logits of images, a row each.

        Raises:
          ConfigError: rows of another length than `shape` has entries, or images too small for the poolings.
        """
        size, least = math.prod(self.shape), 2 ** len(self.channels)
        require(x.shape[-1] == size, "row length", x.shape[-1], f"{size}, for images of shape {self.shape}")
        require(min(self.shape[:2]) >= least, "shape", self.shape, f"height and width of at least {least}")
        h = x.reshape(-1, *self.shape)
        for channels in self.channels:
            h = nn.relu(nn.Dense(channels, precision=self.precision)(neighbourhoods(h)))
            h = nn.avg_pool(h, _POOLED, strides=_POOLED)
        h = nn.relu(nn.Dense(_HIDDEN, precision=self.precision)(h.reshape(len(x), -1)))
        return nn.Dense(self.classes, precision=self.precision)(h)

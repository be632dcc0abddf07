"""Convolutional networks for images."""

from __future__ import annotations

import math
from typing import Literal, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from purifyjax.errors import require

Pooling = Literal["mean", "max"]

_POOLED = (2, 2)


def neighbourhoods(
    images: Float[Array, "n height width c"], size: int = 3
) -> Float[Array, "n height width size*size*c"]:
    """The size × size pixels around every pixel, rows first, zero beyond the border.

    A dense layer of them is a convolution that keeps height and width: column f of its kernel is filter f. Inside loops
    XLA's convolutions of small images take ten times as long on a CPU as this product.

    Raises:
      ConfigError: an even size, which has no middle.
    """
    require(size >= 1 and size % 2 == 1, "size of a kernel", size, "odd and positive")
    height, width = images.shape[1:3]
    border = size // 2
    padded = jnp.pad(images, ((0, 0), (border, border), (border, border), (0, 0)))
    shifted = [padded[:, i : i + height, j : j + width] for i in range(size) for j in range(size)]
    return jnp.concatenate(shifted, axis=-1)


def pooled(images: Float[Array, "n height width c"], pooling: Pooling) -> Float[Array, "n height//2 width//2 c"]:
    """The mean or the maximum of every 2 × 2 pixels; an odd side loses its last row or column."""
    if pooling == "mean":
        return nn.avg_pool(images, _POOLED, strides=_POOLED)
    # Not nn.max_pool: its gradient, a select-and-scatter, makes a training step on a CPU 1.4 times as long. Equal
    # maxima share the gradient here; after a ReLU most of them are zeros, which have none.
    n, height, width, c = images.shape
    rows, columns = height // 2, width // 2
    return jnp.max(images[:, : 2 * rows, : 2 * columns].reshape(n, rows, 2, columns, 2, c), axis=(2, 4))


def image_rows(
    x: Float[Array, "n height*width*channel"], shape: tuple[int, int, int], poolings: int
) -> Float[Array, "n height width channel"]:
    """Rows as images.

    Raises:
      ConfigError: rows of another length than `shape` has entries, or images too small for so many poolings.
    """
    size, least = math.prod(shape), 2**poolings
    require(x.shape[-1] == size, "row length", x.shape[-1], f"{size}, for images of shape {shape}")
    require(min(shape[:2]) >= least, "shape", shape, f"height and width of at least {least}")
    return x.reshape(-1, *shape)


class ConvNet(nn.Module):
    """Convolution – ReLU – pool 2 × 2, once a number of channels; dense – ReLU, once a number of `hidden`; dense K.

    Convolutions keep height and width; a pooling of an odd side drops the last row or column. Nothing is normalised by
    the batch, so that the logits of an image depend on that image alone. Means reach every pixel with their gradient;
    maxima are what most published networks take.

    Parameters (collection "params"): `Dense_i`, in the order of the layers, with `kernel` and `bias`. The kernel of a
    convolution is [size·size·c, channels]: a column is a filter, see `neighbourhoods` and `filters`.

    Attributes:
      shape: height, width and channels of an image.
      classes: K.
      channels: of the convolutions, one after another.
      kernels: their sizes, odd.
      hidden: neurons of the dense layers between convolutions and logits.
      pooling: "mean" or "max".
      precision: of the matrix products; `Precision.HIGHEST` makes evaluation full float32 everywhere.
    """

    shape: tuple[int, int, int]
    classes: int
    channels: tuple[int, ...] = (16, 32)
    kernels: tuple[int, ...] = (3, 3)
    hidden: tuple[int, ...] = (64,)
    pooling: Pooling = "mean"
    precision: jax.lax.Precision | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "n height*width*channel"]) -> Float[Array, "n class"]:
        """The logits of images, a row each.

        Raises:
          ConfigError: rows of another length than `shape` has entries, images too small for the poolings, not one
            kernel a convolution, an even kernel, or another pooling.
        """
        stages = len(self.channels)
        require(len(self.kernels) == stages, "kernels", self.kernels, f"{stages} sizes, as many as channels")
        require(self.pooling in get_args(Pooling), "pooling", self.pooling, " or ".join(get_args(Pooling)))
        h = image_rows(x, self.shape, stages)
        for channels, size in zip(self.channels, self.kernels, strict=True):
            h = nn.relu(nn.Dense(channels, precision=self.precision)(neighbourhoods(h, size)))
            h = pooled(h, self.pooling)
        h = h.reshape(len(x), -1)
        for neurons in self.hidden:
            h = nn.relu(nn.Dense(neurons, precision=self.precision)(h))
        return nn.Dense(self.classes, precision=self.precision)(h)


def mnist_net(shape: tuple[int, int, int], classes: int, width: float = 1.0) -> ConvNet:
    """The MNIST network of Shaham et al.: conv 5 × 5 × 32, conv 5 × 5 × 64, each ReLU and max pool, dense 200, dense K.

    Args:
      shape, classes: of the images.
      width: by which channels and dense neurons are multiplied, at least one of each.

    Source: Shaham, Yamada & Negahban (arXiv 1511.05432), their published code.
    """
    require(0 < width < math.inf, "width", width, "positive and finite")
    first, second, dense = (max(1, round(width * count)) for count in (32, 64, 200))
    return ConvNet(shape, classes, (first, second), (5, 5), (dense,), "max")


def alexnet_like(shape: tuple[int, int, int], classes: int) -> ConvNet:
    """A small network that starts like AlexNet, with many large filters, to look at; 3 × 3 convolutions follow.

    There are 32 of them: 11 × 11 on images with sides of at least 64, 9 × 9 of at least 28 and 5 × 5 on smaller ones.
    One convolution with 32 channels follows, or two with 48 on sides of at least 28, and 64 dense neurons. All pool
    maxima.

    Source: Krizhevsky, Sutskever & Hinton, NeurIPS 25 (2012), for the large first filters.
    """
    side = min(shape[:2])
    if side < 28:
        return ConvNet(shape, classes, (32, 32), (5, 3), (64,), "max")
    return ConvNet(shape, classes, (32, 48, 48), (11 if side >= 64 else 9, 3, 3), (64,), "max")

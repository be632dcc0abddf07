"""Images as standardised rows, for networks and attacks in units of the pixels' spread."""

from __future__ import annotations

import hashlib
import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from purifyjax.data.images.sets import Images
from purifyjax.errors import require, require_count

_ORDER = 0x1A6E


class Rows(NamedTuple):
    """A data set whose training pixels have mean 0 and variance 1.

    Attributes:
      train_x, test_x: x = (pixel − μ)/σ, a row an image, height × width × channel in this order.
      train_y, test_y: labels 0, …, classes − 1.
      mean, std: μ and σ, over all training pixels.
      shape: height, width and channels.
      classes: the number of classes.
      digest: a hash of all arrays, which tells data sets apart.
    """

    train_x: Float[np.ndarray, "n dim"]
    train_y: Int[np.ndarray, " n"]
    test_x: Float[np.ndarray, "m dim"]
    test_y: Int[np.ndarray, " m"]
    mean: float
    std: float
    shape: tuple[int, int, int]
    classes: int
    digest: str

    def pixels(self, x: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, "n height width channel"]:
        """Images in [0, 1] again (perturbed ones may leave the range)."""
        return (np.asarray(x) * self.std + self.mean).reshape(-1, *self.shape)


def standardised(images: Images, samples: int, points: int) -> Rows:
    """At most `samples` training and `points` test images, the first of a fixed random order, as standardised rows.

    Raises:
      ConfigError: no images there or asked for, pixels that are not finite, or training images that are all one grey.
    """
    require_count("samples", samples)
    require_count("points", points)
    for part in (images.train_x, images.test_x):
        require(len(part) >= 1, "number of images", len(part), "at least 1")
        require(np.isfinite(part).all(), "pixels", "NaN or infinite", "finite values")
    train = _some(images.train_x, images.train_y, samples)
    test = _some(images.test_x, images.test_y, points)
    mean, std = float(train[0].mean(dtype=np.float64)), float(train[0].std(dtype=np.float64))
    require(std > 0, "spread of the training pixels", std, "more than 0")
    height, width, channels = images.train_x.shape[1:]
    x, held = (((values - mean) / std).astype(np.float32) for values in (train[0], test[0]))
    digest = hashlib.sha256()
    for array in (x, train[1], held, test[1]):
        digest.update(np.ascontiguousarray(array).tobytes())
    shape = (int(height), int(width), int(channels))
    return Rows(x, train[1], held, test[1], mean, std, shape, images.classes, digest.hexdigest()[:16])


def _some(x: np.ndarray, y: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    rows = np.arange(len(x)) if len(x) <= most else np.random.default_rng(_ORDER).permutation(len(x))[:most]
    return x[rows].reshape(len(rows), math.prod(x.shape[1:])), np.asarray(y[rows], np.int32)

"""Random shifts and mirror images of training images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from purifyjax.errors import require, require_count
from purifyjax.modes import own_key
from purifyjax.settings import TRUTH


@dataclass(frozen=True)
class Augmentation:
    """Images of a batch, each shifted by up to `shift` pixels along both sides and mirrored, at random.

    What a shift moves in from beyond the border is 0, and what it moves out is lost. Hashable, so that it may be a
    static part of a `Recipe`.

    Attributes:
      shape: height, width and channels of an image.
      shift: most pixels, up, down, left and right; every shift is as likely.
      flip: whether left and right change places with probability ½.
    """

    shape: tuple[int, int, int]
    shift: int = 0
    flip: bool = False

    def validate(self) -> None:
        """Raise `ConfigError` for a setting outside its range."""
        allowed = "height, width and channels of an image, in a tuple"
        require(isinstance(self.shape, tuple) and len(self.shape) == 3, "shape", self.shape, allowed)
        for size in self.shape:
            require_count("an entry of the shape", size)
        least = min(self.shape[:2])
        require_count("shift", self.shift, least=0)
        TRUTH.check("flip", self.flip)
        require(self.shift < least, "shift", self.shift, f"from 0 to below the images' shorter side {least}")

    def __call__(
        self, key: PRNGKeyArray, x: Float[Array, "n height*width*channel"]
    ) -> Float[Array, "n height*width*channel"]:
        """The images changed, as rows.

        Raises:
          ConfigError: rows of another length than `shape` has entries.
        """
        size = math.prod(self.shape)
        require(x.shape[-1] == size, "row length", x.shape[-1], f"{size}, for images of shape {self.shape}")
        key_shift, key_flip = jax.random.split(own_key(key))
        images = x.reshape(len(x), *self.shape)
        if self.shift > 0:
            border = (self.shift, self.shift)
            padded = jnp.pad(images, ((0, 0), border, border, (0, 0)))
            corners = jax.random.randint(key_shift, (len(x), 2), 0, 2 * self.shift + 1, jnp.int32)
            images = jax.vmap(lambda image, at: jax.lax.dynamic_slice(image, (at[0], at[1], jnp.int32(0)), self.shape))(
                padded, corners
            )
        if self.flip:
            mirrored = jax.random.bernoulli(key_flip, np.float32(0.5), (len(x), 1, 1, 1))
            images = jnp.where(mirrored, images[:, :, ::-1], images)
        return images.reshape(x.shape)


def require_augmentation(where: str, augmentation: Any) -> None:
    """Raise `ConfigError` unless it is a usable augmentation or None."""
    known = augmentation is None or isinstance(augmentation, Augmentation)
    require(known, where, augmentation, "an Augmentation, or None")
    if augmentation is not None:
        augmentation.validate()

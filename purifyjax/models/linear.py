"""Linear classifiers."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Linear(nn.Module):
    """f(x) = ⟨w, x⟩ + c.

    Parameters: `weight` [dim] holds w, `intercept` [] holds c; both start at 0, where training is convex and
    no start is better than another.

    Attributes:
      precision: of the product.
    """

    precision: jax.lax.Precision | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "*n dim"]) -> Float[Array, "*n"]:
        weight = self.param("weight", nn.initializers.zeros, (x.shape[-1],), jnp.float32)
        intercept = self.param("intercept", nn.initializers.zeros, (), jnp.float32)
        return jnp.matmul(x, weight, precision=self.precision) + intercept

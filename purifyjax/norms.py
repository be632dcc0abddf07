"""Norms of rows whose squares would leave the range of their floats."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def power_of_two(size: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """The largest power of two that is not above a size; 1 for sizes that are 0 or not finite.

    Division by it loses no bit, so that what is computed in these units is the same number.
    """
    exponent = jnp.frexp(size)[1]
    return jnp.where((size > 0) & jnp.isfinite(size), jnp.ldexp(jnp.ones_like(size), exponent - 1), 1.0)


def in_units(rows: Float[Array, "*n dim"]) -> tuple[Float[Array, "*n dim"], Float[Array, "*n 1"]]:
    """Rows in units near their largest entry, so that squares are floats, and these units."""
    unit = power_of_two(jax.lax.stop_gradient(jnp.max(jnp.abs(rows), axis=-1, keepdims=True)))
    return rows / unit, unit


def norm(rows: Float[Array, "*n dim"], order: float, *, keepdims: bool = False) -> Float[Array, "*n"]:
    """‖row‖ in ℓ1, ℓ2 or ℓ∞ (order 1, 2 or ∞), exact to rounding for every row whose norm is a normal float.

    ℓ2 in units of the largest entry: squares of entries below 1e-19 or above 1e19 are not float32.
    """
    if order != 2:
        return jnp.linalg.norm(rows, ord=order, axis=-1, keepdims=keepdims)
    scaled, unit = in_units(rows)
    size = unit * jnp.linalg.norm(scaled, axis=-1, keepdims=True)
    return size if keepdims else size[..., 0]

"""How many coordinates a perturbation spreads over: few when it is pure, all when it is dense."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float


def participation_ratio(codes: Float[Array, "*n dim"]) -> Float[Array, "*n"]:
    """(Σ_j δ_j²)² / Σ_j δ_j⁴: the effective number of coordinates of every row.

    It is k for k equal entries, whatever their signs, d/3 for a Gaussian vector of large dimension d, and lies in
    [1, d]; 0 for a zero row. The scale of a row does not matter.

    Args:
      codes: Mᵀδ, one row a perturbation, in the dictionary basis (`Instance.to_code`).

    Source: Bell & Dean, Discussions of the Faraday Society 50 (1970).
    """
    # In units of the largest entry, of which fourth powers neither overflow nor vanish.
    largest = jnp.max(jnp.abs(codes), axis=-1, keepdims=True)
    square = (codes / jnp.where(largest > 0, largest, 1.0)) ** 2
    fourth = jnp.sum(square**2, axis=-1)
    return jnp.sum(square, axis=-1) ** 2 / jnp.where(fourth > 0, fourth, 1.0)

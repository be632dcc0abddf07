"""w_i = β_i w_i' + v_i: clean weights as purified weights plus a remainder (FP)."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from purifyjax.norms import in_units


class Decomposition(NamedTuple):
    """Of every neuron.

    Attributes:
      beta: β = ⟨w, w'⟩/‖w'‖², the least-squares coefficient.
      pure: ‖β w'‖.
      remainder: ‖v‖ = ‖w − β w'‖; ‖β w'‖ > ‖v‖ exactly when |cos(w, w')| > 1/√2.
    """

    beta: Float[Array, "*n"]
    pure: Float[Array, "*n"]
    remainder: Float[Array, "*n"]


def decompose(w: Float[Array, "*n dim"], w_robust: Float[Array, "*n dim"]) -> Decomposition:
    """Split each w into its part along w' and the rest."""
    (w, unit), (w_robust, of_robust) = in_units(w), in_units(w_robust)
    square = jnp.sum(w_robust**2, axis=-1)
    beta = jnp.sum(w * w_robust, axis=-1) / jnp.where(square > 0, square, 1.0)
    remainder = jnp.linalg.norm(w - beta[..., None] * w_robust, axis=-1)
    unit, of_robust = unit[..., 0], of_robust[..., 0]
    return Decomposition(beta * (unit / of_robust), unit * jnp.abs(beta) * jnp.sqrt(square), unit * remainder)


def absolute_cosine(a: Float[Array, "*n dim"], b: Float[Array, "*n dim"]) -> Float[Array, "*n"]:
    """|⟨a, b⟩|/(‖a‖ ‖b‖); 0 if either is zero."""
    a, b = in_units(a)[0], in_units(b)[0]
    sizes = jnp.linalg.norm(a, axis=-1) * jnp.linalg.norm(b, axis=-1)
    return jnp.abs(jnp.sum(a * b, axis=-1)) / jnp.where(sizes > 0, sizes, 1.0)

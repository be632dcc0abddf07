"""Whether a neuron fires if, and only if, its feature is present."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

_FULL = jax.lax.Precision.HIGHEST


class Firing(NamedTuple):
    """Over the neurons, of every input.

    Attributes:
      present: neurons whose feature is present in the input, z_j ≠ 0.
      fired_present: those of them that fire.
      absent: neurons whose feature is absent.
      fired_absent: those of them that fire.
    """

    present: Int[Array, " n"]
    fired_present: Int[Array, " n"]
    absent: Int[Array, " n"]
    fired_absent: Int[Array, " n"]


def firing(
    weight: Float[Array, "neuron dim"],
    threshold: Float[Array, " neuron"],
    feature: Int[Array, " neuron"],
    counted: Bool[Array, " neuron"],
    x: Float[Array, "n dim"],
    code: Float[Array, "n dim"],
) -> Firing:
    """Count neurons that fire, |⟨w_i, x⟩| > b_i, with and without their feature in the input.

    A deaf net fires on few of the inputs with the feature, a linear one on most of those without it.

    Args:
      feature: j of every neuron, see `own_feature`.
      counted: the neurons that count, live ones say.
      code: z of every input.
    """
    fires = (jnp.abs(jnp.matmul(x, weight.T, precision=_FULL)) > threshold[None, :]) & counted[None, :]
    present = (code != 0)[:, feature] & counted[None, :]
    count = lambda which: jnp.sum(which, axis=1)  # noqa: E731
    return Firing(count(present), count(fires & present), count(counted[None, :] & ~present), count(fires & ~present))

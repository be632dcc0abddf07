"""Whether a neuron fires if, and only if, its feature is present."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from purifyjax.analysis.features import fires


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
    awake, there = fires(weight, threshold, x), (code != 0)[:, feature]
    present, absent = there & counted[None, :], ~there & counted[None, :]
    return Firing(*(jnp.sum(which, axis=1) for which in (present, awake & present, absent, awake & absent)))

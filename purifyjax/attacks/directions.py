"""Perturbations that need no gradient: the universal mixture direction and random noise."""

from __future__ import annotations

from jaxtyping import Array, Float, PRNGKeyArray

from purifyjax.attacks.balls import Ball
from purifyjax.attacks.gradient import Attacked, Margin


def universal(
    direction: Float[Array, " dim"],
    margin: Margin,
    x: Float[Array, "n dim"],
    y: Float[Array, " n"],
    ball: Ball,
) -> Attacked:
    """δ = −y · argmax_{‖δ‖ ≤ τ} ⟨direction, δ⟩; with direction Mw* and ℓ2 this is −y τ Mw*/‖w*‖.

    It knows the distribution, not the network: clean training falls to it, because every neuron
    carries a dense mixture along Mw*.
    """
    delta = -y[:, None] * ball.steepest(direction[None, :])
    return Attacked(delta, margin(x + delta, y))


def noise(key: PRNGKeyArray, margin: Margin, x: Float[Array, "n dim"], y: Float[Array, " n"], ball: Ball) -> Attacked:
    """One random perturbation of norm τ a point: what an adversary without knowledge achieves."""
    delta = ball.surface(key, x.shape)
    return Attacked(delta, margin(x + delta, y))

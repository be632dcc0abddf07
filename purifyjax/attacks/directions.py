"""Perturbations that need no gradient of the net: the universal mixture direction, noise, those of another net."""

from __future__ import annotations

from jaxtyping import Array, Float, PRNGKeyArray

from purifyjax.attacks.balls import Ball
from purifyjax.attacks.gradient import Attack, Attacked, Margin


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


def along(direction: Float[Array, " dim"]) -> Attack:
    """`universal` in a fixed direction, as an attack."""

    def attack(key, margin, x, y, ball):
        del key
        return universal(direction, margin, x, y, ball)

    return attack


def transferred(source: Margin, attack: Attack) -> Attack:
    """The attack on another margin, judged on this one: perturbations found on one net, tried on another.

    It uses no gradient of the target. Make it once and keep it: every call gives a new function, which compiles anew.
    """

    def attack_source(key, margin, x, y, ball):
        delta = attack(key, source, x, y, ball).perturbation
        return Attacked(delta, margin(x + delta, y))

    return attack_source

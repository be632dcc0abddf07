"""Perturbations that need no gradient of the net: the universal mixture direction, noise, those of another net."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from purifyjax.attacks.balls import Ball
from purifyjax.attacks.gradient import Attack, Attacked, Margin, better, descend


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


def between_classes(features: Float[Array, "class dim"]) -> Attack:
    """argmax over the ball of ⟨φ_c − φ_y, δ⟩ for a random other class c: from the own class's feature to another's.

    It knows the distribution, not the network. With the ℓ2 ball of every patch and a feature in every patch that is
    δ_p = ε (v_c − v_y)/√2.

    Args:
      features: φ_c, orthonormal directions.
    """

    def attack(key, margin, x, y, ball):
        other = (y + jax.random.randint(key, y.shape, 1, len(features))) % len(features)
        delta = ball.steepest(features[other] - features[y])
        return Attacked(delta, margin(x + delta, y))

    return attack


def towards_classes(features: Float[Array, "class dim"], steps: int = 0) -> Attack:
    """argmax over the ball of ⟨φ_c, δ⟩, the best of all other classes c: another class's feature injected everywhere.

    It asks for margins only, no gradients, unless steps of PGD from each of these starts are wanted: a network's
    gradient at x need not show that neurons of another class can be woken.

    Args:
      features: φ_c.
      steps: of PGD from every start (static).
    """

    def attack(key, margin, x, y, ball):
        del key

        def inject(best, shift):
            delta = ball.steepest(features[(y + shift) % len(features)])
            start = Attacked(delta, margin(x + delta, y))
            return better(best, start if steps == 0 else descend(margin, x, y, ball, start, steps)), None

        nothing = Attacked(jnp.zeros_like(x), jnp.full(len(x), jnp.inf))
        return jax.lax.scan(inject, nothing, jnp.arange(1, len(features)))[0]

    return attack


def transferred(source: Margin, attack: Attack) -> Attack:
    """The attack on another margin, judged on this one: perturbations found on one net, tried on another.

    It uses no gradient of the target. Make it once and keep it: every call gives a new function, which compiles anew.
    """

    def attack_source(key, margin, x, y, ball):
        delta = attack(key, source, x, y, ball).perturbation
        return Attacked(delta, margin(x + delta, y))

    return attack_source

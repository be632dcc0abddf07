"""Gradient attacks on the margin: FGM and PGD with restarts.

An attack lowers the margin y f(x + δ) over ‖δ‖ ≤ τ; a point is broken when its margin is not positive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from purifyjax.attacks.balls import Ball

Margin = Callable[[Float[Array, "n dim"], Float[Array, " n"]], Float[Array, " n"]]


class Attacked(NamedTuple):
    """The outcome of an attack.

    Attributes:
      perturbation: δ, the best one found for every point.
      margin: y f(x + δ).
    """

    perturbation: Float[Array, "n dim"]
    margin: Float[Array, " n"]


Attack = Callable[[PRNGKeyArray, Margin, Float[Array, "n dim"], Float[Array, " n"], Ball], Attacked]


def descent(margin: Margin, x: Float[Array, "n dim"], y: Float[Array, " n"]) -> Float[Array, "n dim"]:
    """−∇_x [y f(x)], one row a point."""
    return margin_and_descent(margin, x, y)[1]


def margin_and_descent(
    margin: Margin, x: Float[Array, "n dim"], y: Float[Array, " n"]
) -> tuple[Float[Array, " n"], Float[Array, "n dim"]]:
    """y f(x) and −∇_x [y f(x)] from one forward and one backward pass."""

    def total(inputs):
        value = margin(inputs, y)
        return jnp.sum(value), value

    (_, value), gradient = jax.value_and_grad(total, has_aux=True)(x)
    return value, -gradient


def fgm(key: PRNGKeyArray, margin: Margin, x: Float[Array, "n dim"], y: Float[Array, " n"], ball: Ball) -> Attacked:
    """Fast gradient method: the ball's steepest-ascent step on the loss at x (δ = τ g/‖g‖ for ℓ2).

    The step on the loss and on the margin agree, since the loss falls with the margin.
    """
    del key
    delta = ball.steepest(descent(margin, x, y))
    return Attacked(delta, margin(x + delta, y))


def pgd(
    key: PRNGKeyArray,
    margin: Margin,
    x: Float[Array, "n dim"],
    y: Float[Array, " n"],
    ball: Ball,
    steps: int = 20,
    restarts: int = 1,
    step_fraction: float = 2.5,
) -> Attacked:
    """Projected gradient descent on the margin (Madry et al., arXiv 1706.06083).

    δ ← Π(δ + η steepest(−∇ margin)), η = step_fraction/steps. The first start is the FGM point, the
    others are random in the ball, and the best δ over all steps is kept, so that PGD is never weaker
    than FGM. It stays where the gradient is exactly zero; `apgd` leaves such regions.

    Args:
      steps, restarts: static counts, at least 1 each.
    """

    def restart(best, key):
        start = Attacked(ball.interior(key, x.shape), jnp.full(len(x), jnp.inf))
        return better(best, descend(margin, x, y, ball, start, steps, step_fraction)), None

    best = descend(margin, x, y, ball, fgm(key, margin, x, y, ball), steps, step_fraction)
    if restarts == 1:
        return best
    # A scan, so that the program does not grow with the number of restarts.
    return jax.lax.scan(restart, best, jax.random.split(key, restarts - 1))[0]


def descend(
    margin: Margin,
    x: Float[Array, "n dim"],
    y: Float[Array, " n"],
    ball: Ball,
    start: Attacked,
    steps: int,
    step_fraction: float = 2.5,
) -> Attacked:
    """PGD's descent from a start, the best δ on the way kept.

    Args:
      steps: static count, of size step_fraction · τ/steps each.
    """

    def advance(carry, _):
        delta, best = carry
        value, direction = margin_and_descent(margin, x + delta, y)
        best = better(best, Attacked(delta, value))
        return (ball.project(delta + (step_fraction / steps) * ball.steepest(direction)), best), None

    (last, best), _ = jax.lax.scan(advance, (start.perturbation, start), None, length=steps)
    return better(best, Attacked(last, margin(x + last, y)))


def distant_start(
    key: PRNGKeyArray,
    margin: Margin,
    x: Float[Array, "n dim"],
    y: Float[Array, " n"],
    ball: Ball,
    reach: tuple[float, float] = (5.0, 100.0),
) -> Float[Array, "n dim"]:
    """Steepest step by the gradient far outside the ball, at x + c ρ with ‖ρ‖ = τ random and c log-uniform in `reach`.

    Thresholds hide neurons: one that is silent all over a neighbourhood of x adds nothing to any gradient there,
    although a whole step along its weight wakes it. Far away every neuron speaks. In a product of balls ρ is the same
    in every part, so that a convolution's neuron speaks in all of them. A random step where the gradient is zero even
    there.
    """
    key_ray, key_reach = jax.random.split(key)
    ray = jnp.tile(ball.replace(parts=1).surface(key_ray, (len(x), x.shape[1] // ball.parts)), (1, ball.parts))
    low, high = jnp.log(jnp.asarray(reach))
    factor = jnp.exp(jax.random.uniform(key_reach, (len(x), 1), minval=low, maxval=high))
    direction = descent(margin, x + factor * ray, y)
    flat = jnp.all(direction == 0, axis=-1, keepdims=True)
    return jnp.where(flat, ray, ball.steepest(direction))


def better(a: Attacked, b: Attacked) -> Attacked:
    """Per point, the perturbation with the lower margin."""
    wins = b.margin < a.margin
    return Attacked(jnp.where(wins[:, None], b.perturbation, a.perturbation), jnp.where(wins, b.margin, a.margin))

"""The smallest perturbation that breaks a point: its critical radius."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from purifyjax.attacks.gradient import distant_start
from purifyjax.attacks.inputs import checked
from purifyjax.balls import Ball, require_ball
from purifyjax.errors import require_count, require_real
from purifyjax.margins import Margin, blind, margin_and_descent


class MinimalNorm(NamedTuple):
    """The smallest perturbation found with a margin that is not positive; NaN is not.

    Attributes:
      perturbation: δ; zero where none was found.
      radius: ‖δ‖, an upper bound of the critical radius; zero where x is wrong already, inf where none was found.
      blind: whether the search began blind, the gradient at x being exactly zero or not finite: inf says little then.
    """

    perturbation: Float[Array, "n dim"]
    radius: Float[Array, " n"]
    blind: Bool[Array, " n"]


def minimal_norm(
    key: PRNGKeyArray,
    margin: Margin,
    x: Float[Array, "n dim"],
    y: Float[Array, " n"],
    ball: Ball,
    steps: int = 60,
    restarts: int = 1,
    bisections: int = 25,
    step_start: float = 1.0,
    step_end: float = 0.01,
    shrink_start: float = 0.05,
    shrink_end: float = 1e-4,
) -> MinimalNorm:
    """Fast minimum-norm attack (FMN; Pintor et al., arXiv 2102.12827), then bisection along the ray that it found.

    δ ← Π_ε(δ + α ε steepest(−∇ margin)). The budget ε of a point grows by 1 + γ while the point stands and falls to
    min(ε, ‖δ‖) (1 − γ) when it is broken; until it is broken for the first time, ε is where the linearised margin is
    zero, ‖δ‖ + margin/‖∇ margin‖_*, up to the ball's radius. α and γ fall as half a cosine. Unlike in the paper, steps
    are relative to ε, so that the scale of x does not matter, and steepest for the norm itself, so that a linear
    margin is solved by one step. Where the gradient is zero or not finite the step follows a random ray. The first
    start is x, the others are `distant_start`.

    Args:
      ball: its radius is the largest of interest: beyond it nothing is looked for.
      steps, restarts, bisections: static counts; a step is a forward and a backward pass, a bisection a forward one.
      step_start, step_end: α.
      shrink_start, shrink_end: γ.

    Raises:
      ConfigError: settings out of range, or points that are not rows with a label each.

    Warns:
      UserWarning: points without a gradient, outside of `jax.jit`; `MinimalNorm.blind` tells them everywhere.
    """
    for name, count in (("steps", steps), ("restarts", restarts)):
        require_count(f"{name} of minimal_norm", count)
    require_count("bisections of minimal_norm", bisections, 0)
    for name, size in (("step_start", step_start), ("step_end", step_end)):
        require_real(f"{name} of minimal_norm", size, "more than 0 and finite", lambda value: value > 0)
    for name, share in (("shrink_start", shrink_start), ("shrink_end", shrink_end)):
        require_real(f"{name} of minimal_norm", share, "in [0, 1)", lambda value: (value >= 0) & (value < 1))
    require_ball(ball)
    checked(margin, x, y)
    fall = 0.5 * (1.0 + jnp.cos(jnp.pi * jnp.arange(steps) / max(steps - 1, 1)))
    courses = ((step_start, step_end), (shrink_start, shrink_end))
    alpha, gamma = ((end + (start - end) * fall).astype(x.dtype) for start, end in courses)
    unit, most = ball.replace(radius=1.0), jnp.asarray(ball.radius, x.dtype)

    def project(delta, budget):
        # Scaled to the unit ball: every point has a radius of its own.
        some = budget > 0
        safe = jnp.where(some, budget, 1.0)[:, None]
        return jnp.where(some[:, None], safe * unit.project(delta / safe), 0.0)

    def advance(ray, carry, xs):
        delta, budget, best = carry
        alpha, gamma = xs
        value, direction = margin_and_descent(margin, x + delta, y)
        slope = ball.dual_size(direction)
        size, broken = ball.size(delta), ~(value > 0)
        best = _smaller(best, delta, jnp.where(broken, size, jnp.inf))
        # A little beyond the linear estimate, or rounding leaves the point standing for ever.
        guess = jnp.where(slope > 0, size + 1.001 * value / jnp.where(slope > 0, slope, 1.0), most)
        guess = jnp.where(jnp.isfinite(guess), guess, most).astype(x.dtype)
        budget = jnp.where(broken, jnp.minimum(budget, size) * (1.0 - gamma), budget * (1.0 + gamma))
        budget = jnp.where(jnp.isfinite(best.radius), jnp.minimum(budget, best.radius), guess)
        budget = jnp.minimum(budget, most)
        direction = jnp.where((slope > 0)[:, None], unit.steepest(direction), ray)
        return (project(delta + alpha * budget[:, None] * direction, budget), budget, best), None

    def tighten(found):
        """The same ray, as far as the margin's first change of sign that bisection meets."""

        def bisect(ends, _):
            standing, broken = ends
            middle = 0.5 * (standing + broken)
            breaks = ~(margin(x + middle[:, None] * found.perturbation, y) > 0)
            return (jnp.where(breaks, standing, middle), jnp.where(breaks, middle, broken)), None

        (_, scale), _ = jax.lax.scan(bisect, (jnp.zeros(len(x), x.dtype), jnp.ones(len(x), x.dtype)), length=bisections)
        shorter = scale[:, None] * found.perturbation
        radius = jnp.where(jnp.isfinite(found.radius), ball.size(shorter), jnp.inf)
        return found._replace(perturbation=shorter, radius=radius)

    def run(best, start, key):
        ray = unit.surface(key, x.shape, x.dtype)
        budget = jnp.minimum(best.radius, most)
        carry = (project(start, budget), budget, best)
        (last, _, best), _ = jax.lax.scan(partial(advance, ray), carry, (alpha, gamma))
        return tighten(_smaller(best, last, jnp.where(margin(x + last, y) > 0, jnp.inf, ball.size(last))))

    def restart(best, key):
        key_start, key_ray = jax.random.split(key)
        return run(best, distant_start(key_start, margin, x, y, ball), key_ray), None

    key_ray, key_restarts = jax.random.split(key)
    best = MinimalNorm(jnp.zeros_like(x), jnp.full(len(x), jnp.inf, x.dtype), blind(margin, x, y))
    best = run(best, jnp.zeros_like(x), key_ray)
    if restarts > 1:
        best, _ = jax.lax.scan(restart, best, jax.random.split(key_restarts, restarts - 1))
    return best


def _smaller(best: MinimalNorm, delta: Float[Array, "n dim"], radius: Float[Array, " n"]) -> MinimalNorm:
    """Per point, the perturbation of the smaller radius."""
    wins = radius < best.radius
    perturbation = jnp.where(wins[:, None], delta, best.perturbation)
    return best._replace(perturbation=perturbation, radius=jnp.where(wins, radius, best.radius))

"""Gradient attacks on the margin: FGM and PGD with restarts.

An attack lowers the margin y f(x + δ) over ‖δ‖ ≤ τ; a point is broken when its margin is not positive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from purifyjax.attacks.attack import Attack, Attacked, better, nowhere
from purifyjax.attacks.inputs import checked
from purifyjax.balls import Ball
from purifyjax.errors import require, require_count, require_real
from purifyjax.margins import Margin, descent, margin_and_descent

Start = Literal["fgm", "random", "distant"]
Keep = Literal["best", "last"]


@dataclass(frozen=True)
class FGM(Attack):
    """`fgm` as an attack."""

    name: str = field(default="fgm", kw_only=True, compare=False)

    def __call__(self, key, margin, x, y, ball):
        return fgm(key, margin, x, y, ball)

    def perturb(self, key, margin, x, y, ball):
        checked(margin, x, y, gradients=False)  # some points of a batch may well have none
        # The margin there is not asked for.
        return ball.steepest(descent(margin, x, y))


@dataclass(frozen=True)
class PGD(Attack):
    """Projected gradient descent on the margin, δ ← Π(δ + η steepest(−∇ margin)) with η = step_fraction/steps.

    Attributes:
      steps: of every descent.
      restarts: descents; the first of "fgm" begins at the FGM point, all others as `start` says.
      start: "fgm", then random points of the ball; "random"; or "distant", where every other point begins at
        `distant_start`, which finds what neurons hide that are silent at x: a net trained against PGD alone
        learns to be silent there.
      keep: the best δ on the way, or the last one, as training does.
    """

    steps: int = 20
    restarts: int = 1
    step_fraction: float = 2.5
    start: Start = "fgm"
    keep: Keep = "best"
    name: str = field(default="pgd", kw_only=True, compare=False)

    @classmethod
    def for_training(cls, steps: int, start: Start = "random") -> PGD:
        """The inner maximisation of adversarial training (Madry et al., arXiv 1706.06083): the last of few steps."""
        return cls(steps, step_fraction=2.0, start=start, keep="last")

    def validate(self) -> None:
        require_count("steps of PGD", self.steps)
        require_count("restarts of PGD", self.restarts)
        require_real("step_fraction of PGD", self.step_fraction, "more than 0 and finite", lambda value: value > 0)
        require(self.start in get_args(Start), "start of PGD", self.start, " or ".join(get_args(Start)))
        require(self.keep in get_args(Keep), "keep of PGD", self.keep, " or ".join(get_args(Keep)))
        once = self.keep == "best" or self.restarts == 1
        require(once, "restarts of PGD", self.restarts, "1 where the last δ is kept")

    def __call__(self, key, margin, x, y, ball):
        if self.keep == "last":
            checked(margin, x, y)
            delta = self.perturb(key, margin, x, y, ball)
            return Attacked(delta, margin(x + delta, y))
        if self.start == "fgm":
            return pgd(key, margin, x, y, ball, self.steps, self.restarts, self.step_fraction)
        checked(margin, x, y)

        start_of_all = nowhere(margin, x, y)

        def descent_from(best, key):
            start = start_of_all._replace(perturbation=self._begin(key, margin, x, y, ball))
            return better(best, descend(margin, x, y, ball, start, self.steps, self.step_fraction)), None

        return jax.lax.scan(descent_from, start_of_all, jax.random.split(key, self.restarts))[0]

    def perturb(self, key, margin, x, y, ball):
        if self.keep == "best":
            return self(key, margin, x, y, ball).perturbation
        checked(margin, x, y, gradients=False)
        delta = self._begin(key, margin, x, y, ball)
        for _ in range(self.steps):
            step = ball.steepest(descent(margin, x + delta, y))
            delta = ball.project(delta + (self.step_fraction / self.steps) * step)
        return delta

    def _begin(self, key, margin, x, y, ball):
        if self.start == "fgm":
            return ball.steepest(descent(margin, x, y))
        delta = ball.interior(key, x.shape, x.dtype)
        if self.start == "distant":
            far = distant_start(key, margin, x, y, ball)
            delta = jnp.where((jnp.arange(len(x)) % 2 == 0)[:, None], far, delta)
        return delta


def fgm(key: PRNGKeyArray, margin: Margin, x: Float[Array, "n dim"], y: Float[Array, " n"], ball: Ball) -> Attacked:
    """Fast gradient method: the ball's steepest-ascent step on the loss at x (δ = τ g/‖g‖ for ℓ2).

    The step on the loss and on the margin agree, since the loss falls with the margin.
    """
    del key
    checked(margin, x, y)
    return _fgm(margin, x, y, ball)


def _fgm(margin: Margin, x: Float[Array, "n dim"], y: Float[Array, " n"], ball: Ball) -> Attacked:
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

    Raises:
      ConfigError: settings out of range, or points that are not rows with a label each.
    """
    PGD(steps, restarts, step_fraction)  # refuses what is out of range
    checked(margin, x, y)

    def restart(best, key):
        start = nowhere(margin, x, y)._replace(perturbation=ball.interior(key, x.shape, x.dtype))
        return better(best, descend(margin, x, y, ball, start, steps, step_fraction)), None

    best = descend(margin, x, y, ball, _fgm(margin, x, y, ball), steps, step_fraction)
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
    ray = jnp.tile(ball.replace(parts=1).surface(key_ray, (len(x), x.shape[1] // ball.parts), x.dtype), (1, ball.parts))
    low, high = jnp.log(jnp.asarray(reach, x.dtype))
    factor = jnp.exp(jax.random.uniform(key_reach, (len(x), 1), x.dtype, minval=low, maxval=high))
    direction = descent(margin, x + factor * ray, y)
    flat = jnp.all(direction == 0, axis=-1, keepdims=True)
    return jnp.where(flat, ray, ball.steepest(direction))

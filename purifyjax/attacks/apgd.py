"""Auto-PGD: projected gradient descent that sets its own step, one for every point."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from purifyjax.attacks.attack import Attack, Attacked, better, nowhere
from purifyjax.attacks.gradient import distant_start
from purifyjax.attacks.inputs import checked
from purifyjax.balls import Ball
from purifyjax.errors import require, require_count, require_real
from purifyjax.margins import Margin, margin_and_descent


@dataclass(frozen=True)
class APGD(Attack):
    """`apgd` as an attack, with its settings.

    Attributes:
      first: number of the first start: those before it are left to another attack of the suite.
    """

    steps: int = 30
    restarts: int = 1
    momentum: float = 0.75
    success_share: float = 0.75
    first: int = 0
    name: str = field(default="apgd", kw_only=True, compare=False)

    def validate(self) -> None:
        require_count("steps of APGD", self.steps)
        require_count("restarts of APGD", self.restarts)
        require_count("first start of APGD", self.first, 0)
        require(self.first < self.restarts, "first start of APGD", self.first, f"below restarts = {self.restarts}")
        for name in ("momentum", "success_share"):
            value = getattr(self, name)
            require_real(f"{name} of APGD", value, "from 0 to 1", lambda share: (share >= 0) & (share <= 1))

    def __call__(self, key, margin, x, y, ball):
        checked(margin, x, y)
        descent = _descent(margin, x, y, ball, self)
        if self.starts == range(1):
            return descent(key, 0)
        best = nowhere(margin, x, y)
        numbers = np.array(self.starts, np.int32)
        return jax.lax.scan(lambda best, number: (better(best, descent(key, number)), None), best, numbers)[0]

    @property
    def starts(self):
        return range(self.first, self.restarts)

    @property
    def of_a_start(self):
        return replace(self, restarts=1, first=0)

    def from_start(self, key, margin, x, y, ball, number):
        checked(margin, x, y)
        return _descent(margin, x, y, ball, self)(key, number)


class _State(NamedTuple):
    """One descent: where it stands, its best point with the gradient there, its record since the last checkpoint."""

    delta: Float[Array, "n dim"]
    previous: Float[Array, "n dim"]
    value: Float[Array, " n"]
    best: Attacked
    direction: Float[Array, "n dim"]  # −∇ margin at the best point
    step: Float[Array, " n"]  # η/τ
    successes: Float[Array, " n"]
    best_before: Float[Array, " n"]
    halved: Bool[Array, " n"]


def checkpoints(steps: int) -> list[int]:
    """⌈p_j N⌉ with p_0 = 0, p_1 = 0.22, p_{j+1} = p_j + max(p_j − p_{j−1} − 0.03, 0.06), up to N − 1."""
    places, share, gap = [], 0.22, 0.22
    while (place := math.ceil(share * steps - 1e-9)) < steps:
        places.append(place)
        gap = max(gap - 0.03, 0.06)
        share += gap
    return sorted(set(places))


def apgd(
    key: PRNGKeyArray,
    margin: Margin,
    x: Float[Array, "n dim"],
    y: Float[Array, " n"],
    ball: Ball,
    steps: int = 30,
    restarts: int = 1,
    momentum: float = 0.75,
    success_share: float = 0.75,
) -> Attacked:
    """Auto-PGD on the margin (Croce & Hein, arXiv 2003.01690, section 3), the best δ over all starts kept.

    z = Π(δ + η steepest(−∇ margin)), δ ← Π(δ + α (z − δ) + (1 − α)(δ − δ_before)), from η = 2τ. At every
    checkpoint η is halved, and the descent goes on from its best point without its momentum, if fewer than a share
    ρ of the steps since the last checkpoint lowered the margin, or if neither η nor the best margin have changed
    since. The first start is x, whose first step ends at the FGM point: never weaker than FGM. The others are
    `distant_start` and a random point of the ball in turn; the latter begins with η = τ/2, since a first step of 2τ
    forgets where it started.

    Where the gradient is exactly zero the step follows a random ray instead, one a start and point.

    Args:
      steps, restarts: static counts, at least 1 each; a step is one forward and one backward pass.
      momentum: α.
      success_share: ρ.

    Raises:
      ConfigError: settings out of range, or points that are not rows with a label each.
    """
    return APGD(steps, restarts, momentum, success_share)(key, margin, x, y, ball)


def _descent(margin: Margin, x: Float[Array, "n dim"], y: Float[Array, " n"], ball: Ball, settings: APGD):
    """(key, number of the start) -> what is found from there. One program serves all starts, however many."""
    places = checkpoints(settings.steps)
    length = np.zeros(settings.steps, np.float32)  # steps since the last checkpoint; zero where there is none
    length[places] = np.diff([0, *places])
    weight = np.full(settings.steps, settings.momentum, np.float32)
    weight[0] = 1.0  # there is no momentum yet

    blank = nowhere(margin, x, y)

    def run(start, ray, step):
        def advance(state, xs):
            length, weight = (number.astype(x.dtype) for number in xs)
            delta = state.delta
            value, direction = margin_and_descent(margin, x + delta, y)
            flat = jnp.all(direction == 0, axis=-1, keepdims=True)
            direction = jnp.where(flat, ray, direction)
            wins = value < state.best.margin
            top = jnp.where(wins[:, None], direction, state.direction)
            best = better(state.best, Attacked(delta, value))
            successes = state.successes + (value < state.value)

            few = successes < settings.success_share * length
            stuck = ~state.halved & (best.margin >= state.best_before)
            check = length > 0
            halve = check & (few | stuck)
            step = jnp.where(halve, 0.5 * state.step, state.step)
            back = halve[:, None]
            delta, direction = jnp.where(back, best.perturbation, delta), jnp.where(back, top, direction)
            before = jnp.where(back, delta, state.previous)

            target = ball.project(delta + step[:, None] * ball.steepest(direction))
            moved = ball.project(delta + weight * (target - delta) + (1.0 - weight) * (delta - before))
            return _State(
                moved,
                delta,
                jnp.where(halve, best.margin, value),
                best,
                top,
                step,
                jnp.where(check, 0.0, successes),
                jnp.where(check, best.margin, state.best_before),
                jnp.where(check, halve, state.halved),
            ), None

        far, nothing, no = blank.margin, jnp.zeros(len(x), x.dtype), jnp.zeros(len(x), bool)
        step = jnp.full_like(nothing, step)
        state = _State(start, start, far, Attacked(start, far), ray, step, nothing, far, no)
        state = jax.lax.scan(advance, state, (length, weight))[0]
        last = Attacked(state.delta, margin(x + state.delta, y))
        return better(state.best, last)

    def from_start(key, number):
        key_ray, key_start = jax.random.split(jax.random.fold_in(key, number))
        ray = ball.surface(key_ray, x.shape, x.dtype)
        if isinstance(number, int) and number == 0:
            return run(blank.perturbation, ray, 2.0)
        start = jax.lax.switch(
            jnp.where(number > 0, 2 - number % 2, 0),
            (
                lambda: blank.perturbation,
                lambda: distant_start(key_start, margin, x, y, ball),
                lambda: ball.interior(key_start, x.shape, x.dtype),
            ),
        )
        return run(start, ray, jnp.where((number > 0) & (number % 2 == 0), 0.5, 2.0))

    return from_start

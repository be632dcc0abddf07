"""Square attack: random search that only asks for margins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from purifyjax.attacks.attack import Attack, Attacked, better
from purifyjax.attacks.inputs import checked
from purifyjax.balls import Ball, signs
from purifyjax.errors import require, require_count, require_real
from purifyjax.margins import Margin
from purifyjax.norms import power_of_two

# Queries, out of 10 000, after which the share of moved coordinates is halved (the paper, section 4).
HALVINGS = np.array([10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000])


@dataclass(frozen=True)
class Square(Attack):
    """`square` as an attack, with its settings."""

    queries: int = 200
    share: float = 0.8
    name: str = field(default="square", kw_only=True, compare=False)
    uses_gradients: ClassVar[bool] = False

    def validate(self) -> None:
        require_count("queries of the square attack", self.queries)
        require_real("share of the square attack", self.share, "in (0, 1]", lambda share: (share > 0) & (share <= 1))

    def __call__(self, key, margin, x, y, ball):
        return square(key, margin, x, y, ball, self.queries, self.share)


def shares(queries: int, start: float) -> np.ndarray:
    """The share p of coordinates that each query moves: halved after 0.1, 0.5, 2, 5, 10, 20, 40, 60, 80% of them."""
    place = np.arange(1, queries + 1) * (10_000 / queries)
    return (start * 0.5 ** np.searchsorted(HALVINGS, place)).astype(np.float32)


def square(
    key: PRNGKeyArray,
    margin: Margin,
    x: Float[Array, "n dim"],
    y: Float[Array, " n"],
    ball: Ball,
    queries: int = 200,
    share: float = 0.8,
) -> Attacked:
    """Random search on the sphere of radius τ that accepts only improvements (Andriushchenko et al., arXiv 1912.00049).

    ℓ∞: a random set of coordinates gets new signs, ±τ. ℓ2: of two random sets one loses its energy to the other, which
    turns towards a random direction; ‖δ‖ stays τ. The paper's sets are squares of an image; a vector has no
    geometry, so every coordinate joins a set with probability p, at least one in expectation, and each part of a
    product of balls has sets of its own.

    It needs no gradient: what it breaks and gradient attacks do not shows that gradients are masked.

    Args:
      ball: ℓ2 or ℓ∞; `ConfigError` for ℓ1.
      queries: static number of forward passes.
      share: p at the start.
    """
    Square(queries, share)  # refuses what is out of range
    require(ball.norm in ("l2", "linf"), "norm of the square attack", ball.norm, "one of l2, linf")
    checked(margin, x, y, gradients=False)
    fewest = ball.parts / x.shape[-1]  # one coordinate
    move = _move_energy if ball.norm == "l2" else _new_signs

    def query(best, xs):
        key, share = xs
        moved = move(key, ball.split(best.perturbation), ball, jnp.maximum(share, fewest))
        delta = ball.project(ball.join(moved))
        return better(best, Attacked(delta, margin(x + delta, y))), None

    key_start, key_queries = jax.random.split(key)
    delta = ball.surface(key_start, x.shape, x.dtype)
    start = Attacked(delta, margin(x + delta, y))
    return jax.lax.scan(query, start, (jax.random.split(key_queries, queries), shares(queries, share)))[0]


def _new_signs(key, delta, ball, share):
    key_set, key_sign = jax.random.split(key)
    fresh = signs(key_sign, delta.shape, delta.dtype)
    return jnp.where(jax.random.bernoulli(key_set, share, delta.shape), ball.radius * fresh, delta)


def _move_energy(key, delta, ball, share):
    """δ with one random set emptied and another turned; the energy of both, and what is left up to τ², goes there."""
    key_set, key_turn = jax.random.split(key)
    draw = jax.random.uniform(key_set, delta.shape, delta.dtype)
    share = jnp.minimum(share, 0.5)
    gains, loses = draw < share, draw > 1.0 - share
    unit = Ball(1.0)
    turn = unit.steepest(jnp.where(gains, jax.random.normal(key_turn, delta.shape, delta.dtype), 0.0))
    turn = unit.steepest(turn + unit.steepest(jnp.where(gains, delta, 0.0)))
    rest = jnp.where(gains | loses, 0.0, delta)
    # In units of the radius, whose square may leave the range of floats.
    radius = jnp.asarray(ball.radius, delta.dtype)
    scale = power_of_two(radius)
    energy = jnp.maximum((radius / scale) ** 2 - jnp.sum((rest / scale) ** 2, axis=-1, keepdims=True), 0.0)
    # Without a coordinate to turn, the energy has nowhere to go.
    return jnp.where(jnp.any(gains, axis=-1, keepdims=True), rest + scale * jnp.sqrt(energy) * turn, delta)

"""The square attack: its ball, its schedule, linear margins, and margins without a gradient."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.attacks import pgd, square
from purifyjax.attacks.square import shares
from purifyjax.balls import Ball
from purifyjax.errors import ConfigError

DIM, POINTS = 12, 20
KEY = jax.random.key(0)
DUAL = {"l2": 2, "linf": 1}
both_norms = pytest.mark.parametrize("norm", ["l2", "linf"])


def points():
    rng = np.random.default_rng(0)
    arrays = rng.normal(size=DIM), rng.normal(size=(POINTS, DIM)), rng.choice([-1.0, 1.0], POINTS)
    return tuple(jnp.asarray(a, jnp.float32) for a in arrays)


@partial(jax.jit, static_argnames="queries")
def on_linear(key, weight, x, y, ball, queries=400):
    return square(key, lambda x, y: y * (x @ weight), x, y, ball, queries)


@both_norms
def test_comes_near_the_lowest_linear_margin(norm):
    """y⟨w, x⟩ − τ‖w‖_* cannot be passed; 400 queries in 12 dimensions reach 90% of the fall (ℓ∞: all)."""
    weight, x, y = points()
    found = on_linear(KEY, weight, x, y, Ball(0.3, norm))
    fall = (y * (x @ weight) - found.margin) / (0.3 * np.linalg.norm(weight, ord=DUAL[norm]))
    assert (fall <= 1 + 1e-5).all()
    assert fall.min() > (0.8 if norm == "l2" else 0.999)
    assert fall.mean() > 0.9


@both_norms
@pytest.mark.parametrize("radius", [0.0, 1e-3, 1 / 3, 7.0])
def test_stays_on_the_sphere_and_reports_its_margin(norm, radius):
    weight, x, y = points()
    found = on_linear(KEY, weight, x, y, Ball(radius, norm), queries=50)
    np.testing.assert_allclose(Ball(1.0, norm).size(found.perturbation), radius, rtol=1e-5)
    np.testing.assert_allclose(found.margin, y * ((x + found.perturbation) @ weight), atol=1e-4)


@both_norms
def test_more_queries_never_hurt(norm):
    weight, x, y = points()
    start = on_linear(KEY, weight, x, y, Ball(0.3, norm), queries=1).margin
    assert float((on_linear(KEY, weight, x, y, Ball(0.3, norm)).margin <= start).mean()) > 0.99


@both_norms
def test_breaks_a_staircase_that_has_no_gradient(norm):
    """Rounded to steps of ½: the gradient is zero everywhere."""
    weight, x, y = points()
    stairs = lambda x, y: jnp.round(2.0 * y * (x @ weight)) / 2.0  # noqa: E731
    ball = Ball({"l2": 2.0, "linf": 1.0}[norm], norm)
    fall = 0.7 * ball.radius * np.linalg.norm(weight, ord=DUAL[norm])
    near = np.asarray((stairs(x, y) > 0) & (y * (x @ weight) < fall))
    assert near.sum() > 3
    blind = jax.jit(lambda: pgd(KEY, stairs, x, y, ball, steps=10))()
    np.testing.assert_array_equal(blind.margin, stairs(x, y))
    assert (np.asarray(jax.jit(lambda: square(KEY, stairs, x, y, ball, 400))().margin)[near] <= 0).all()


def test_shares_are_halved_nine_times():
    """At 0.1, 0.5, 2, 5, 10, 20, 40, 60 and 80% of the queries."""
    p = shares(10_000, 0.8)
    np.testing.assert_allclose(p[[0, 9, 10, 49, 50, 199, 200, -1]], 0.8 * 0.5 ** np.array([0, 0, 1, 1, 2, 2, 3, 9]))
    np.testing.assert_allclose(shares(100, 0.8)[-1], p[-1])
    assert (np.diff(p) <= 0).all()


def test_l1_is_refused():
    weight, x, y = points()
    with pytest.raises(ConfigError, match="norm of the square attack = 'l1'"):
        on_linear(KEY, weight, x, y, Ball(0.3, "l1"))

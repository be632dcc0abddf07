"""Critical radii against closed forms, and against the margins at the radius found."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from purifyjax.attacks import apgd, minimal_norm
from purifyjax.balls import Ball, Norm
from purifyjax.models import SymmetricReLU, margin

NORMS: tuple[Norm, ...] = ("l1", "l2", "linf")
DUAL = {"l1": np.inf, "l2": 2, "linf": 1}
DIM, POINTS = 6, 8
KEY = jax.random.key(0)
all_norms = pytest.mark.parametrize("norm", NORMS)
MODEL = SymmetricReLU(5)


@jax.jit
def on_linear(weight, x, y, ball):
    return minimal_norm(KEY, lambda x, y: y * (x @ weight), x, y, ball, steps=10)


@partial(jax.jit, static_argnames="restarts")
def on_network(params, x, y, ball, restarts=1):
    return minimal_norm(KEY, partial(margin, MODEL, params), x, y, ball, restarts=restarts)


@jax.jit
def worst_margin(params, x, y, ball):
    return apgd(KEY, partial(margin, MODEL, params), x, y, ball, steps=30).margin


def random_network(seed: int):
    rng = np.random.default_rng(seed)
    params = {"weight": rng.normal(size=(5, DIM)), "threshold": rng.uniform(-0.3, 1.0, 5)}
    params, x = jax.tree.map(partial(jnp.asarray, dtype=jnp.float32), (params, rng.normal(size=(POINTS, DIM))))
    return params, x, jnp.where(margin(MODEL, params, x, jnp.ones(POINTS)) > 0, 1.0, -1.0)


@all_norms
@given(seed=st.integers(0, 10**6), scale=st.sampled_from([1e-3, 1.0, 1e3]))
def test_linear_margins_give_the_distance_to_the_plane(norm, seed, scale):
    """|f|/‖w‖_*, whatever the scale of x, and zero where x is wrong already."""
    rng = np.random.default_rng(seed)
    weight, x, y = rng.normal(size=DIM), scale * rng.normal(size=(POINTS, DIM)), rng.choice([-1.0, 1.0], POINTS)
    exact = np.maximum(y * (x @ weight), 0.0) / np.linalg.norm(weight, ord=DUAL[norm])
    weight, x, y = jax.tree.map(partial(jnp.asarray, dtype=jnp.float32), (weight, x, y))
    found = on_linear(weight, x, y, Ball(100.0 * scale, norm))
    np.testing.assert_allclose(found.radius, exact, rtol=2e-5, atol=2e-6 * scale)
    np.testing.assert_allclose(Ball(1.0, norm).size(found.perturbation), found.radius, rtol=1e-6)


def test_none_is_found_beyond_the_ball():
    x, y = jnp.array([[1.0, 0.0], [3.0, 0.0]]), jnp.ones(2)
    found = jax.jit(lambda: minimal_norm(KEY, lambda x, y: y * x[:, 0], x, y, Ball(2.0)))()
    np.testing.assert_allclose(found.radius, [1.0, np.inf], rtol=1e-5)
    np.testing.assert_array_equal(np.abs(found.perturbation[1]), 0.0)


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_radii_are_consistent_with_attacks_of_fixed_radius(norm):
    """A little more than the radius breaks, along the perturbation; well below it APGD rarely does."""
    below, tried = 0, 0
    for seed in range(8):
        params, x, y = random_network(seed)
        found = on_network(params, x, y, Ball(20.0, norm))
        radius = np.asarray(found.radius)
        assert np.isfinite(radius).all()
        beyond = margin(MODEL, params, x + 1.0001 * found.perturbation, y)
        before = margin(MODEL, params, x + 0.9999 * found.perturbation, y)
        standing = np.asarray(margin(MODEL, params, x, y)) > 0
        assert (np.asarray(beyond) < 1e-5).all()
        assert (np.asarray(before)[standing] > -1e-5).all()
        for i in np.flatnonzero(standing):
            ball = Ball(0.97 * radius[i], norm)
            below += float(worst_margin(params, x[i : i + 1], y[i : i + 1], ball)[0]) <= 0
            tried += 1
    assert tried > 40
    assert below <= 0.1 * tried


def test_restarts_never_hurt_and_help_somewhere():
    one, many = [], []
    for seed in range(8):
        params, x, y = random_network(seed)
        one.append(on_network(params, x, y, Ball(20.0)).radius)
        many.append(on_network(params, x, y, Ball(20.0), restarts=4).radius)
    ratio = np.array(many) / np.maximum(np.array(one), 1e-9)
    assert (ratio <= 1.0 + 1e-5).all()
    assert ratio.min() < 0.99


def test_a_plateau_is_crossed_on_a_random_ray():
    """margin = 1 up to ‖x‖ = 1, then falls: zero at ‖x‖ = 1.25."""
    plateau = lambda x, y: y * (1.0 - 4.0 * jnp.maximum(jnp.linalg.norm(x + 1e-9, axis=-1) - 1.0, 0.0))  # noqa: E731
    found = jax.jit(lambda: minimal_norm(KEY, plateau, jnp.zeros((3, 4)), jnp.ones(3), Ball(2.0)))()
    np.testing.assert_allclose(found.radius, 1.25, rtol=1e-4)

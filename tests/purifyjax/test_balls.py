"""Norm balls: projections by their optimality condition and by scipy, steepest steps by the dual norm."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import chex
import hypothesis.extra.numpy as hnp
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from purifyjax.balls import Ball, Norm
from purifyjax.errors import ConfigError

NORMS: tuple[Norm, ...] = ("l1", "l2", "linf")
ORDER = {"l1": 1, "l2": 2, "linf": np.inf}
DUAL = {"l1": np.inf, "l2": 2, "linf": 1}
SHAPE = (3, 5)

project = jax.jit(lambda ball, delta: ball.project(delta))
steepest = jax.jit(lambda ball, gradient: ball.steepest(gradient))
surface = jax.jit(lambda ball, key: ball.surface(key, (4000, 6)))
interior = jax.jit(lambda ball, key: ball.interior(key, (4000, 6)))

radii = st.floats(1e-2, 10.0)
rows = hnp.arrays(np.float32, SHAPE, elements=st.floats(-8.0, 8.0, width=32).map(lambda v: round(v, 3)))
all_norms = pytest.mark.parametrize("norm", NORMS)


def size(norm: str, rows) -> np.ndarray:
    return np.linalg.norm(np.asarray(rows, np.float64), ord=ORDER[norm], axis=-1)


# Projection


@all_norms
@given(delta=rows, radius=radii)
def test_projection_satisfies_its_optimality_condition(norm, delta, radius):
    """p is the projection of δ iff ‖p‖ ≤ τ and ⟨δ − p, q − p⟩ ≤ 0 in the ball: τ‖δ − p‖_* ≤ ⟨δ − p, p⟩."""
    p = np.asarray(project(Ball(radius, norm), delta), np.float64)
    assert (size(norm, p) <= radius * (1 + 1e-5) + 1e-6 * np.abs(delta).max()).all()
    gap = delta - p
    dual = np.linalg.norm(gap, ord=DUAL[norm], axis=1)
    np.testing.assert_allclose(radius * dual, np.sum(gap * p, axis=1), rtol=1e-4, atol=1e-4 * (1 + radius))


@all_norms
@given(delta=rows, radius=radii)
def test_projection_is_idempotent_and_leaves_inner_points_alone(norm, delta, radius):
    ball = Ball(radius, norm)
    once = project(ball, delta)
    np.testing.assert_allclose(project(ball, once), once, rtol=1e-5, atol=1e-6)
    within = size(norm, delta) <= radius * (1 - 1e-6)
    np.testing.assert_allclose(np.asarray(once)[within], delta[within], rtol=1e-6)


@all_norms
@pytest.mark.parametrize("seed", range(3))
def test_projection_equals_numerical_minimisation(norm, seed):
    target, radius = np.random.default_rng(seed).normal(size=4), 0.8
    # δ = u − v with u, v ≥ 0 makes every norm smooth.
    bound = {
        "l1": lambda s: radius - s.sum(),
        "l2": lambda s: radius**2 - np.sum((s[:4] - s[4:]) ** 2),
        "linf": lambda s: radius - np.abs(s[:4] - s[4:]),
    }[norm]
    found = optimize.minimize(
        lambda s: np.sum((s[:4] - s[4:] - target) ** 2),
        np.full(8, 0.01),
        bounds=[(0, None)] * 8,
        constraints={"type": "ineq", "fun": bound},
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 500},
    )
    expected = found.x[:4] - found.x[4:]
    actual = project(Ball(radius, norm), jnp.asarray(target[None, :], jnp.float32))[0]
    np.testing.assert_allclose(actual, expected, atol=2e-4)


def test_l1_projection_in_many_dimensions_equals_bisection():
    delta = np.random.default_rng(0).laplace(size=(4, 1024))

    def shrunk(row, level):
        return np.sign(row) * np.maximum(np.abs(row) - level, 0.0)

    expected = np.stack(
        [
            shrunk(row, optimize.brentq(lambda s, row=row: np.abs(shrunk(row, s)).sum() - 20.0, 0.0, 20.0))
            for row in delta
        ]
    )
    actual = project(Ball(20.0, "l1"), jnp.asarray(delta, jnp.float32))
    np.testing.assert_allclose(actual, expected, atol=1e-4)
    assert (size("l1", actual) <= 20.0 * (1 + 1e-5)).all()


def test_projections_by_hand():
    delta = jnp.array([[3.0, -4.0]])
    np.testing.assert_allclose(project(Ball(1.0, "l2"), delta), [[0.6, -0.8]], rtol=1e-6)
    np.testing.assert_allclose(project(Ball(1.0, "linf"), delta), [[1.0, -1.0]], rtol=1e-6)
    np.testing.assert_allclose(project(Ball(3.0, "l1"), delta), [[1.0, -2.0]], rtol=1e-6)


# Steepest ascent


@all_norms
@given(gradient=rows, radius=radii)
def test_steepest_step_attains_the_dual_norm(norm, gradient, radius):
    step = np.asarray(steepest(Ball(radius, norm), gradient), np.float64)
    dual = np.linalg.norm(gradient.astype(np.float64), ord=DUAL[norm], axis=1)
    np.testing.assert_allclose(np.sum(gradient * step, axis=1), radius * dual, rtol=1e-5)
    np.testing.assert_allclose(size(norm, step), np.where(dual > 0, radius, 0.0), rtol=1e-5)


@all_norms
@pytest.mark.parametrize("seed", range(3))
def test_no_random_point_of_the_ball_beats_the_steepest_step(norm, seed):
    gradient = np.random.default_rng(seed).normal(size=6).astype(np.float32)
    ball = Ball(0.7, norm)
    best = float(gradient @ np.asarray(steepest(ball, gradient[None, :]))[0])
    for points in (surface(ball, jax.random.key(seed)), interior(ball, jax.random.key(seed))):
        assert np.max(np.asarray(points) @ gradient) <= best + 1e-5


def test_steepest_steps_by_hand():
    gradient = jnp.array([[3.0, -4.0], [0.0, 0.0]])
    np.testing.assert_allclose(steepest(Ball(2.0, "l2"), gradient), [[1.2, -1.6], [0, 0]], rtol=1e-6)
    np.testing.assert_allclose(steepest(Ball(2.0, "linf"), gradient), [[2.0, -2.0], [0, 0]])
    np.testing.assert_allclose(steepest(Ball(2.0, "l1"), gradient), [[0.0, -2.0], [0, 0]])


@all_norms
def test_ties_stay_inside_the_ball(norm):
    step = steepest(Ball(1.0, norm), jnp.array([[1.0, -1.0, 1.0]]))
    np.testing.assert_allclose(size(norm, step), [1.0], rtol=1e-6)


@all_norms
@pytest.mark.parametrize("scale", [1e-36, 1e-25, 1e-15, 1e15, 1e25])
def test_step_does_not_depend_on_the_scale_of_the_gradient(norm, scale):
    """Squares of tiny or huge gradients leave the range of float32."""
    gradient = jnp.array([[3.0, -4.0, 0.0]])
    step = steepest(Ball(2.0, norm), scale * gradient)
    np.testing.assert_allclose(step, steepest(Ball(2.0, norm), gradient), rtol=1e-5)


# Random points


@all_norms
def test_surface_points_have_norm_radius_and_no_preferred_direction(norm):
    points = np.asarray(surface(Ball(0.3, norm), jax.random.key(0)), np.float64)
    np.testing.assert_allclose(size(norm, points), 0.3, rtol=1e-5)
    second = points.T @ points / len(points)
    error = float(np.std(points[:, 0] * points[:, 1])) / math.sqrt(len(points))
    np.testing.assert_allclose(second[~np.eye(6, dtype=bool)], 0.0, atol=5 * error)
    squares = points**2
    error = float(np.std(squares[:, 0] - squares[:, 1])) / math.sqrt(len(points))
    np.testing.assert_allclose(np.diag(second), np.mean(squares), atol=5 * error + 1e-9)
    np.testing.assert_allclose(points.mean(axis=0), 0.0, atol=5 * points.std() / math.sqrt(len(points)))


def test_l2_surface_is_uniform_on_the_sphere():
    """A coordinate of the uniform law on S⁵ has (t + 1)/2 ~ Beta(5/2, 5/2)."""
    points = np.asarray(surface(Ball(2.0, "l2"), jax.random.key(1)), np.float64) / 2.0
    assert stats.kstest((points[:, 0] + 1) / 2, stats.beta(2.5, 2.5).cdf).pvalue > 1e-6


def test_l1_surface_is_uniform_on_the_simplex_up_to_signs():
    points = np.asarray(surface(Ball(2.0, "l1"), jax.random.key(1)), np.float64) / 2.0
    assert stats.kstest(np.abs(points[:, 0]), stats.beta(1, 5).cdf).pvalue > 1e-6


def test_linf_surface_is_corners():
    points = np.asarray(surface(Ball(0.5, "linf"), jax.random.key(1)))
    np.testing.assert_array_equal(np.abs(points), 0.5)


@all_norms
def test_interior_points_have_uniform_size(norm):
    points = interior(Ball(0.3, norm), jax.random.key(2))
    assert (size(norm, points) <= 0.3 * (1 + 1e-5)).all()
    assert stats.kstest(size(norm, points) / 0.3, stats.uniform.cdf).pvalue > 1e-6


# Corners of the interface


@all_norms
def test_radius_zero_allows_only_zero(norm):
    ball = Ball(0.0, norm)
    delta = jnp.array([[1.0, -2.0, 0.5, 0.0, 3.0], [1.0] + [0.0] * 4, [2.0] * 5, [0.0] * 5])
    for points in (project(ball, delta), steepest(ball, delta), surface(ball, jax.random.key(0))):
        np.testing.assert_array_equal(np.abs(points), 0.0)


@all_norms
def test_zero_stays_zero(norm):
    zero = jnp.zeros(SHAPE)
    np.testing.assert_array_equal(project(Ball(0.5, norm), zero), zero)
    np.testing.assert_array_equal(steepest(Ball(0.5, norm), zero), zero)


@all_norms
@given(delta=rows)
def test_size_is_the_norm(norm, delta):
    np.testing.assert_allclose(Ball(1.0, norm).size(jnp.asarray(delta)), size(norm, delta), rtol=1e-5)


@all_norms
def test_radius_is_traced(norm):
    chex.clear_trace_counter()
    once = jax.jit(chex.assert_max_traces(lambda ball, delta: ball.project(delta), n=1))
    for radius in (0.1, 0.5, 0.0):
        once(Ball(radius, norm), jnp.ones((2, 3)))
    many = jax.vmap(lambda r: Ball(r, norm).steepest(jnp.ones((1, 3))))(jnp.array([0.1, 0.4]))
    np.testing.assert_allclose(size(norm, many[:, 0]), [0.1, 0.4], rtol=1e-5)


@pytest.mark.parametrize(
    "change,words",
    [
        ({"norm": "l3"}, "norm = 'l3' .*l1, l2, linf"),
        ({"radius": -0.1}, "radius τ = -0.1 .*τ ≥ 0"),
        ({"radius": math.nan}, "radius τ = nan "),
        ({"parts": 0}, "parts of the ball = 0 .*at least 1"),
        ({"parts": -2}, "parts of the ball = -2 "),
    ],
    ids=str,
)
def test_validate_names_the_field_and_its_value(change: dict[str, Any], words: str):
    with pytest.raises(ConfigError, match=words):
        replace(Ball(0.1), **change).validate()


@all_norms
def test_validate_accepts_balls(norm):
    Ball(0.0, norm).validate()
    Ball(0.1, norm).validate()
    Ball(0.1, norm, parts=4).validate()

"""The dual bound of separable functions: against closed forms, brute force and attacks."""

from __future__ import annotations

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.attacks import APGD
from purifyjax.balls import Ball
from purifyjax.certify import histogram, separable_estimate, separable_margin
from purifyjax.errors import ConfigError
from purifyjax.models import CoordinatePolynomial, margin, odd_polynomial

CUBIC, QUINTIC = (0.1, 1.0), (0.05, 0.3, -0.012)
SEPTIC = (0.04, 0.18, -0.019, 0.0005)


def values(n, dim, active, seed=0):
    """Sparse points, as codes in units of 1/√k are."""
    rng = np.random.default_rng(seed)
    u = rng.uniform(1, 3, (n, dim)) * rng.choice([-1, 1], (n, dim), p=[0.2, 0.8])
    return np.where(rng.random((n, dim)) < active / dim, u, 0.0)


def test_without_a_perturbation_it_is_the_function():
    u = values(20, 30, 8)
    np.testing.assert_allclose(separable_margin(QUINTIC, u, 0.0), odd_polynomial(np.array(QUINTIC), u).sum(axis=1))


def test_of_a_linear_function_it_is_the_margin():
    """Σ_j a u_j falls by a τ √d, and duality loses nothing on convex problems but the grid of λ."""
    u, radius = values(20, 16, 6), 0.7
    exact = 0.5 * (u.sum(axis=1) - radius * np.sqrt(16))
    bound = separable_margin((0.5,), u, radius)
    assert (bound <= exact + 1e-9).all()
    np.testing.assert_allclose(bound, exact, atol=0.03)


@pytest.mark.parametrize("coefficient", [CUBIC, QUINTIC, SEPTIC])
def test_below_brute_force_in_two_dimensions_and_near_it_in_convex_position(coefficient):
    """Every point of the disc is tried, on a fine grid."""
    u, radius = values(12, 2, 1.6, seed=3), 1.5
    angle, size = np.meshgrid(np.linspace(0, 2 * np.pi, 721), np.linspace(0, radius, 301))
    delta = np.stack([size * np.cos(angle), size * np.sin(angle)], axis=-1).reshape(-1, 2)
    least = odd_polynomial(np.array(coefficient), u[:, None] + delta).sum(axis=-1).min(axis=1)
    bound = separable_margin(coefficient, u, radius)
    assert (bound <= least + 1e-4).all()
    # Two coordinates leave a gap; it closes for some points at least.
    assert (least - bound).min() < 0.05 * np.abs(least).max()


@pytest.mark.parametrize("coefficient", [CUBIC, QUINTIC, SEPTIC])
def test_no_attack_beats_it_and_a_good_one_comes_near(coefficient):
    u, radius = values(60, 80, 14, seed=1), 1.2
    model = CoordinatePolynomial(2 * len(coefficient) - 1)
    params = {"coefficient": jnp.asarray(coefficient, jnp.float32), "intercept": jnp.zeros(())}
    of = partial(margin, model, params, fixed={"label_weight": jnp.ones(80)})
    x, y = jnp.asarray(u, jnp.float32), jnp.ones(60)
    attacked = APGD(steps=60, restarts=3)(jax.random.key(0), of, x, y, Ball(radius))
    bound = separable_margin(coefficient, u, radius)
    scale = np.abs(odd_polynomial(np.array(coefficient), u)).sum(axis=1)
    gap = (np.asarray(attacked.margin) - bound) / scale
    assert gap.min() > -1e-4 and np.median(gap) < 0.05


def test_estimates_are_near_the_bound():
    u, radius = values(40, 60, 12, seed=2), 1.0
    points = histogram(u)
    np.testing.assert_allclose(points.counts.sum(axis=1), 60, rtol=1e-5)
    np.testing.assert_allclose(points.counts @ points.places, u.sum(axis=1), atol=1e-3)
    for coefficient in (CUBIC, QUINTIC, SEPTIC):
        found = jax.jit(separable_estimate)(jnp.asarray(coefficient), points, radius)
        bound = separable_margin(coefficient, u, radius)
        np.testing.assert_allclose(found, bound, atol=0.01 * np.abs(bound).max())


def test_sound_in_every_case_on_the_way():
    """Coefficients of 0, a line alone, no zeros among the coordinates, large radii."""
    u = values(5, 4, 4, seed=5)
    for coefficient, radius in itertools.product(((0.0,), (0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.2)), (0.3, 4.0)):
        bound = separable_margin(coefficient, u, radius)
        delta = np.random.default_rng(0).normal(size=(4000, 4))
        delta *= radius / np.linalg.norm(delta, axis=1, keepdims=True)
        least = odd_polynomial(np.array(coefficient), u[:, None] + delta).sum(axis=-1).min(axis=1)
        assert np.isfinite(bound).all() and (bound <= least + 1e-6).all()


def test_a_negative_radius_is_named():
    with pytest.raises(ConfigError, match="radius"):
        separable_margin(CUBIC, np.zeros((1, 2)), -1.0)

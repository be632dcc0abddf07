"""Perturbations without gradients: the universal direction and noise."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.attacks import fgm, noise, universal
from purifyjax.balls import Ball, Norm
from purifyjax.data import Instance

NORMS: tuple[Norm, ...] = ("l1", "l2", "linf")
DUAL = {"l1": np.inf, "l2": 2, "linf": 1}
DIM = 16
all_norms = pytest.mark.parametrize("norm", NORMS)


def points(n: int):
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(n, DIM)), jnp.float32)
    return x, jnp.asarray(rng.choice([-1.0, 1.0], n), jnp.float32)


def along(weight):
    return lambda x, y: y * (x @ weight)


def test_universal_direction_is_minus_y_tau_mw_over_its_norm():
    rng = np.random.default_rng(3)
    m, _ = np.linalg.qr(rng.normal(size=(DIM, DIM)))
    label_weights = rng.uniform(0.5, 1.5, DIM)
    fixed = Instance(jnp.asarray(m, jnp.float32), jnp.asarray(label_weights, jnp.float32))
    direction = fixed.to_input(fixed.label_weights)
    x, y = points(5)
    attacked = universal(direction, along(direction), x, y, Ball(0.3))
    mw = m @ label_weights
    np.testing.assert_allclose(
        attacked.perturbation, -np.asarray(y)[:, None] * 0.3 * mw / np.linalg.norm(mw), atol=1e-6
    )


@all_norms
def test_universal_is_the_worst_case_of_the_linear_model_along_it(norm):
    weight = jnp.asarray(np.random.default_rng(1).normal(size=DIM), jnp.float32)
    x, y = points(7)
    attacked = universal(weight, along(weight), x, y, Ball(0.3, norm))
    np.testing.assert_allclose(
        attacked.margin, along(weight)(x, y) - 0.3 * np.linalg.norm(weight, ord=DUAL[norm]), atol=1e-5
    )
    gradient = fgm(jax.random.key(0), along(weight), x, y, Ball(0.3, norm))
    np.testing.assert_allclose(attacked.perturbation, gradient.perturbation, atol=1e-6)


@all_norms
def test_universal_does_not_look_at_the_point(norm):
    weight = jnp.ones(DIM)
    x, y = points(6)
    attacked = universal(jnp.arange(1.0, DIM + 1), along(weight), x, y, Ball(0.3, norm))
    signed = np.asarray(attacked.perturbation) * np.asarray(y)[:, None]
    np.testing.assert_allclose(signed, np.broadcast_to(signed[:1], signed.shape), atol=1e-7)
    np.testing.assert_allclose(attacked.margin, along(weight)(x + attacked.perturbation, y), atol=1e-6)


@all_norms
def test_noise_has_norm_radius_and_no_effect_on_average(norm):
    """A linear margin moves by a symmetric amount; for ℓ2 its standard deviation is τ‖w‖/√d."""
    weight = jnp.asarray(np.random.default_rng(1).normal(size=DIM), jnp.float32)
    n = 4000
    x, y = points(n)
    attacked = noise(jax.random.key(2), along(weight), x, y, Ball(0.3, norm))
    np.testing.assert_allclose(Ball(0.3, norm).size(attacked.perturbation), 0.3, rtol=1e-5)
    np.testing.assert_allclose(attacked.margin, along(weight)(x + attacked.perturbation, y), atol=1e-5)
    moved = np.asarray(attacked.margin - along(weight)(x, y))
    spread = moved.std()
    assert abs(moved.mean()) < 5 * spread / np.sqrt(n)
    if norm == "l2":
        expected = 0.3 * float(jnp.linalg.norm(weight)) / np.sqrt(DIM)
        assert abs(spread / expected - 1) < 5 / np.sqrt(2 * n)
    again = noise(jax.random.key(2), along(weight), x, y, Ball(0.3, norm))
    other = noise(jax.random.key(3), along(weight), x, y, Ball(0.3, norm))
    np.testing.assert_array_equal(attacked.perturbation, again.perturbation)
    assert bool((attacked.perturbation != other.perturbation).any())

"""Activation-maximising inputs against closed forms and brute force."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.analysis import maximising_inputs
from purifyjax.errors import ConfigError

FULL = jax.lax.Precision.HIGHEST
RADIUS = 1.7


@pytest.mark.parametrize("radius", [RADIUS, None], ids=["ball", "box"])
def test_linear_neurons_have_a_closed_form(radius):
    weight = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)

    def activation(x):
        return jnp.matmul(x, weight, precision=FULL) + jnp.arange(6.0)[None]

    found = maximising_inputs(jax.random.key(1), activation, 20, radius, steps=3, restarts=1)
    chex.assert_shape(found, (6, 20))
    expected = RADIUS * weight / np.linalg.norm(weight, axis=0) if radius else weight > 0
    np.testing.assert_allclose(found, expected.T, atol=1e-5)


@pytest.fixture(scope="module")
def deep():
    """Eight neurons over twelve ReLUs of two inputs, without gradient at 0 and with several maxima."""
    first, second = jax.random.normal(jax.random.key(2), (2, 12)), jax.random.normal(jax.random.key(3), (12, 8))
    return lambda x: jnp.matmul(jax.nn.relu(jnp.matmul(x, first, precision=FULL)), second, precision=FULL)


@pytest.mark.parametrize("radius", [RADIUS, None], ids=["ball", "box"])
def test_deeper_neurons_against_brute_force(deep, radius):
    if radius is None:
        sides = np.linspace(0, 1, 301)
        grid = np.stack(np.meshgrid(sides, sides), -1).reshape(-1, 2)
    else:
        turns = 2 * np.pi * np.linspace(0, 1, 20001)
        grid = np.append(radius * np.stack([np.cos(turns), np.sin(turns)], -1), np.zeros((1, 2)), axis=0)
    best = jnp.max(deep(jnp.asarray(grid, jnp.float32)), axis=0)
    # Many starts: some maxima have small basins.
    found = maximising_inputs(jax.random.key(4), deep, 2, radius, steps=40, restarts=24)
    np.testing.assert_allclose(jnp.diagonal(deep(found)), best, rtol=1e-3, atol=1e-3)
    if radius is None:
        assert found.min() >= 0 and found.max() <= 1
    else:
        assert (jnp.linalg.norm(found, axis=1) <= radius * (1 + 1e-6)).all()


@pytest.mark.parametrize("radius", [0.0, -1.0])
def test_a_radius_must_be_positive(radius):
    with pytest.raises(ConfigError, match="radius ρ"):
        maximising_inputs(jax.random.key(0), lambda x: x, 3, radius)

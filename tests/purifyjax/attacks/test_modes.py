"""Attacks and bounds under other settings of JAX: in double precision, with other keys, and with NaNs forbidden."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.attacks import Attacked, MinimalNorm, worst_case
from purifyjax.balls import Ball
from purifyjax.certify import certify, crown, prepare, smoothed_radius
from purifyjax.errors import ConfigError
from tests.purifyjax.attacks.test_inputs import DIM, FUNCTIONS, KEY, WEIGHT, N, X, Y, distinct, linear


def net(x, y):
    """Two neurons with a dead zone: gradients vanish in it."""
    p = jnp.matmul(x, WEIGHT, precision="highest")
    return y * (jax.nn.relu(p - 0.2) - jax.nn.relu(-p - 0.2) + 0.1 * x[:, 0])


@distinct
def test_double_precision_changes_no_float32_number(name):
    """Points in float32 are attacked in float32, whatever the default is."""
    attack, _, norms = FUNCTIONS[name]
    for norm in norms:
        plain = attack(KEY, net, X, Y, Ball(0.3, norm))
        with jax.enable_x64(True):
            wide = attack(KEY, net, X, Y, Ball(0.3, norm))
            if isinstance(wide, Attacked):
                assert wide.perturbation.dtype == np.float32
            double = attack(KEY, net, jnp.asarray(X, jnp.float64), jnp.asarray(Y, jnp.float64), Ball(0.3, norm))
        if hasattr(plain, "margin"):
            np.testing.assert_allclose(wide.margin, plain.margin, rtol=1e-4, atol=1e-5)
            assert np.isfinite(double.margin).all()
        else:
            assert isinstance(wide, MinimalNorm)
            np.testing.assert_allclose(wide.radius, plain.radius, rtol=1e-4)
            np.testing.assert_allclose(double.radius, plain.radius, rtol=1e-4)


@distinct
@pytest.mark.parametrize("kind", ["rbg", "raw"])
def test_keys_of_other_kinds_serve_as_well(name, kind):
    key = jax.random.key(0, impl="rbg") if kind == "rbg" else jax.random.PRNGKey(0)
    found = FUNCTIONS[name][0](key, net, X, Y, Ball(0.3))
    assert np.isfinite(found.margin if hasattr(found, "margin") else found.perturbation).all()


@distinct
def test_no_nan_is_made_on_the_way(name):
    """Also where there is no gradient, no size, and no scale."""
    attack, _, norms = FUNCTIONS[name]
    with jax.debug_nans(True):
        for norm in norms:
            attack(KEY, linear, X, Y, Ball(0.0 if norm == "l1" else 0.3, norm))


def test_bounds_in_all_modes():
    weight, threshold = np.random.default_rng(0).normal(size=(3, DIM)), np.full(3, 0.2)
    x, y = np.asarray(X, float), np.asarray(Y)
    ready = prepare(weight, threshold, "l2")
    plain = certify(ready, x, y, Ball(0.05))
    for mode in (jax.enable_x64(True), jax.debug_nans(True)):
        with mode:
            np.testing.assert_allclose(certify(ready, x, y, Ball(0.05)).lower, plain.lower, rtol=1e-4, atol=1e-5)
            assert np.isfinite(crown(jax.tree.map(jnp.asarray, ready), jnp.asarray(x), Ball(0.05))).all()
            smoothed_radius(KEY, lambda p: lambda x, y: y * (x @ p), WEIGHT, X, Y, 0.3, draws=5)


def test_keys_that_are_none_are_refused():
    nets = (lambda p: linear, WEIGHT[None], X[None], Y[None], Ball(0.1), ())
    for key in (0, np.zeros(3, np.uint32), jax.random.split(KEY, 2), None):
        with pytest.raises(ConfigError, match="key"):
            worst_case(key, *nets)  # pyright: ignore[reportArgumentType]
    assert worst_case(jax.random.split(KEY, 1), *nets).standing.shape == (1, N)

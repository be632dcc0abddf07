"""The symmetric ReLU network against a plain double loop, and its smoothing against Monte Carlo."""

from __future__ import annotations

from typing import cast

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from purifyjax.models import SymmetricReLU, expected_relu, margin

DIM, NEURONS, POINTS = 6, 5, 7
MODEL = SymmetricReLU(NEURONS, precision=jax.lax.Precision.HIGHEST)
compiled = jax.jit(MODEL.apply)


def output(p: dict[str, jax.Array], x: jax.Array, rho: jax.Array | None = None) -> jax.Array:
    return cast(jax.Array, compiled({"params": p}, x, rho))


def smoothed(p: dict[str, jax.Array], x: jax.Array, std: float) -> jax.Array:
    return cast(jax.Array, MODEL.apply({"params": p}, x, smoothing_std=std))


def params(seed: int) -> dict[str, jax.Array]:
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(NEURONS, DIM)).astype(np.float32)
    return {"weight": jnp.asarray(weight), "threshold": jnp.asarray(rng.normal(size=NEURONS), jnp.float32)}


def inputs(seed: int, *shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed + 1000).normal(size=(*shape, DIM)), jnp.float32)


def by_loops(p, x, rho=None) -> np.ndarray:
    weight, threshold = np.asarray(p["weight"], np.float64), np.asarray(p["threshold"], np.float64)
    values = np.zeros(len(x))
    for n, point in enumerate(np.asarray(x, np.float64)):
        for i in range(len(weight)):
            noise = 0.0 if rho is None else float(rho[n, i])
            pre = sum(weight[i, j] * point[j] for j in range(len(point)))
            values[n] += max(pre + noise - threshold[i], 0.0) - max(-pre + noise - threshold[i], 0.0)
    return values


@given(seed=st.integers(0, 10**6))
def test_output_equals_the_double_loop(seed):
    p, x = params(seed), inputs(seed, POINTS)
    np.testing.assert_allclose(output(p, x), by_loops(p, x), atol=2e-5)


@given(seed=st.integers(0, 10**6))
def test_smoothed_output_equals_the_double_loop(seed):
    p, x = params(seed), inputs(seed, POINTS)
    rho = jnp.asarray(np.random.default_rng(seed + 1).normal(size=(POINTS, NEURONS)), jnp.float32)
    np.testing.assert_allclose(output(p, x, rho), by_loops(p, x, rho), atol=2e-5)


def test_one_neuron_by_hand():
    p = {"weight": jnp.array([[2.0, -1.0]]), "threshold": jnp.array([0.5])}
    x = jnp.array([[1.0, 0.0], [0.0, 1.0], [0.1, 0.0], [-1.0, 1.0]])
    net = SymmetricReLU(1)
    values = cast(jax.Array, net.apply({"params": p}, x))
    np.testing.assert_allclose(values, [1.5, -0.5, 0.0, -2.5], atol=1e-6)
    y = jnp.array([1.0, 1.0, -1.0, -1.0])
    np.testing.assert_allclose(margin(net, p, x, y), [1.5, -0.5, 0.0, 2.5], atol=1e-6)


@given(seed=st.integers(0, 10**6))
def test_output_is_odd(seed):
    p, x = params(seed), inputs(seed, POINTS)
    rho = jnp.asarray(np.random.default_rng(seed + 1).normal(size=(POINTS, NEURONS)), jnp.float32)
    for smoothing in (None, rho):
        there = output(p, x, smoothing)
        np.testing.assert_allclose(output(p, -x, smoothing), -there, atol=1e-5)
    np.testing.assert_allclose(output(p, jnp.zeros_like(x)), jnp.zeros(POINTS), atol=1e-6)


@given(seed=st.integers(0, 10**6))
def test_order_of_neurons_does_not_matter(seed):
    p, x = params(seed), inputs(seed, POINTS)
    order = np.random.default_rng(seed).permutation(NEURONS)
    shuffled = {name: leaf[order] for name, leaf in p.items()}
    np.testing.assert_allclose(output(shuffled, x), output(p, x), atol=1e-5)


def test_zero_thresholds_make_the_net_linear():
    p, x = params(0) | {"threshold": jnp.zeros(NEURONS)}, inputs(0, POINTS)
    linear = np.asarray(x) @ np.asarray(p["weight"]).sum(axis=0)
    np.testing.assert_allclose(output(p, x), linear, atol=1e-5)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_batch_axes(shape):
    p, x = params(1), inputs(1, *shape)
    rho = jnp.zeros((*shape, NEURONS))
    flat = by_loops(p, x.reshape(-1, DIM)).reshape(shape)
    np.testing.assert_allclose(output(p, x), flat, atol=2e-5)
    np.testing.assert_allclose(output(p, x, rho), flat, atol=2e-5)
    chex.assert_shape(smoothed(p, x, 0.3), shape)


def test_initial_weights_have_their_scale_and_thresholds_are_zero():
    net = SymmetricReLU(500, init_scale=0.02)
    p = net.init(jax.random.key(0), jnp.zeros(64))["params"]
    chex.assert_shape([p["weight"], p["threshold"]], [(500, 64), (500,)])
    np.testing.assert_array_equal(p["threshold"], np.zeros(500))
    assert stats.kstest(np.asarray(p["weight"]).ravel() / 0.02, stats.norm.cdf).pvalue > 1e-6


# Smoothing


@pytest.mark.parametrize("std", [0.2, 1.0, 3.0])
def test_expected_relu_equals_monte_carlo(std):
    u = np.array([-2.0, -0.5, 0.0, 0.7, 2.5])
    draws = np.maximum(u[:, None] + std * np.random.default_rng(0).normal(size=(5, 200_000)), 0.0)
    error = draws.std(axis=1) / np.sqrt(draws.shape[1])
    exact = np.asarray(expected_relu(jnp.asarray(u, jnp.float32), std))
    np.testing.assert_array_less(np.abs(exact - draws.mean(axis=1)), 5 * error + 1e-6)


def test_expected_relu_at_zero_is_half_the_mean_absolute_noise():
    np.testing.assert_allclose(expected_relu(jnp.zeros(1), 2.0), [2.0 / np.sqrt(2 * np.pi)], rtol=1e-6)


@pytest.mark.parametrize("std", [1e-2, 1e-4, 1e-8])
def test_expected_relu_tends_to_relu(std):
    u = jnp.array([-3.0, -0.1, 0.0, 0.1, 3.0])
    value, slope = jax.vmap(jax.value_and_grad(lambda t: expected_relu(t, std)))(u)
    np.testing.assert_allclose(value, np.maximum(u, 0.0), atol=0.4 * std + 1e-6)
    np.testing.assert_allclose(slope, [0.0, 0.0, 0.5, 1.0, 1.0], atol=1e-5)


def test_closed_form_output_is_the_mean_over_draws():
    p, x, std, draws = params(2), inputs(2, POINTS), 0.8, 20_000
    rho = std * np.random.default_rng(1).normal(size=(draws, POINTS, NEURONS)).astype(np.float32)
    values = np.asarray(jax.jit(jax.vmap(lambda r: output(p, x, r)))(jnp.asarray(rho)))
    exact = np.asarray(smoothed(p, x, std))
    error = values.std(axis=0) / np.sqrt(draws)
    np.testing.assert_array_less(np.abs(values.mean(axis=0) - exact), 5 * error + 1e-5)
    assert np.abs(exact - by_loops(p, x)).max() > 0.05


def test_noise_far_above_the_thresholds_makes_the_net_linear():
    """ReLU(p + ρ − b) − ReLU(−p + ρ − b) → 2p Φ(…) with Φ → ½ as σ_ρ → ∞."""
    p, x = params(3), inputs(3, POINTS)
    linear = np.asarray(x) @ np.asarray(p["weight"]).sum(axis=0)
    np.testing.assert_allclose(smoothed(p, x, 1e3), linear, atol=2e-2)

"""Expectation over a network's noise against the closed form of the smoothed ReLU."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from purifyjax.attacks import apgd, averaged
from purifyjax.balls import Ball
from purifyjax.margins import margin_and_descent
from purifyjax.models import SymmetricReLU

DIM, NEURONS, POINTS, STD = 5, 7, 6, 0.8
MODEL = SymmetricReLU(NEURONS)


def problem():
    rng = np.random.default_rng(0)
    params = {"weight": rng.normal(size=(NEURONS, DIM)), "threshold": rng.uniform(0.0, 1.0, NEURONS)}
    params = {name: jnp.asarray(value, jnp.float32) for name, value in params.items()}
    x, y = jnp.asarray(rng.normal(size=(POINTS, DIM)), jnp.float32), jnp.asarray(rng.choice([-1.0, 1.0], POINTS))

    def noisy(key, x, y):
        rho = STD * jax.random.normal(key, (len(x), NEURONS))
        return y * jnp.asarray(MODEL.apply({"params": params}, x, rho))

    def closed(x, y):
        return y * jnp.asarray(MODEL.apply({"params": params}, x, smoothing_std=STD))

    return noisy, closed, x, jnp.asarray(y, jnp.float32)


def test_average_and_gradient_converge_to_the_closed_form():
    noisy, closed, x, y = problem()
    exact = margin_and_descent(closed, x, y)
    errors = []
    for draws in (16, 512):
        found = jax.jit(lambda draws=draws: margin_and_descent(averaged(jax.random.key(1), noisy, draws), x, y))()
        errors.append([float(jnp.sqrt(jnp.mean((a - b) ** 2))) for a, b in zip(found, exact, strict=True)])
    value, gradient = np.array(errors).T
    # Each of the NEURONS terms has a deviation of at most STD: the average one of √NEURONS STD/√draws.
    assert value[-1] < np.sqrt(NEURONS) * STD / np.sqrt(512)
    assert gradient[-1] < 0.15
    for error in (value, gradient):
        assert error[1] < 0.5 * error[0]  # 0.18 in expectation


def test_it_is_the_mean_over_its_draws_and_deterministic():
    noisy, _, x, y = problem()
    key = jax.random.key(2)
    by_hand = np.mean([noisy(k, x, y) for k in jax.random.split(key, 3)], axis=0)
    average = averaged(key, noisy, 3)
    np.testing.assert_allclose(average(x, y), by_hand, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(average(x, y), average(x, y))


def test_attacking_the_average_lowers_the_expected_margin_as_the_closed_form_does():
    noisy, closed, x, y = problem()
    ball, key = Ball(0.5), jax.random.key(3)

    @jax.jit
    def strike():
        return apgd(key, averaged(key, noisy, 128), x, y, ball, 15), apgd(key, closed, x, y, ball, 15)

    sampled, exact = strike()
    np.testing.assert_allclose(closed(x + sampled.perturbation, y), exact.margin, atol=0.08)

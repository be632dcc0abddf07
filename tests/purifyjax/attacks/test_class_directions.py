"""Attacks along the classes' features, and starts from afar in a product of balls."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.attacks import BetweenClasses, TowardsClasses, distant_start, pgd
from purifyjax.balls import Ball

FEATURES = jnp.eye(8)[:3]
BALL = Ball(0.5, "l2")
X = jax.random.normal(jax.random.key(0), (60, 8))
Y = jnp.arange(60) % 3


def linear_margin(x, y):
    """F_c = x_c."""
    z = x[:, :3]
    own = jnp.take_along_axis(z, y[:, None], 1)[:, 0]
    return own - jnp.max(jnp.where(jax.nn.one_hot(y, 3, dtype=bool), -jnp.inf, z), axis=1)


def test_between_classes_leaves_the_own_feature_for_a_random_other_one():
    found = BetweenClasses(FEATURES)(jax.random.key(1), linear_margin, X, Y, BALL)
    delta = np.asarray(found.perturbation)
    step = 0.5 / np.sqrt(2)
    np.testing.assert_allclose(delta[np.arange(60), np.asarray(Y)], -step, rtol=1e-5)
    np.testing.assert_allclose(np.sort(delta[:, :3], axis=1), np.tile([-step, 0.0, step], (60, 1)), atol=1e-6)
    target = delta.argmax(axis=1)
    assert all(set(target[np.asarray(Y) == y]) == {0, 1, 2} - {y} for y in range(3))
    np.testing.assert_allclose(found.margin, linear_margin(X + found.perturbation, Y), rtol=1e-5)


def test_towards_classes_takes_the_best_class_of_all():
    found = TowardsClasses(FEATURES)(jax.random.key(1), linear_margin, X, Y, BALL)
    z = np.asarray(X[:, :3])
    lowest = np.full(60, np.inf)
    for c in range(3):
        moved = z + 0.5 * np.eye(3)[c]
        others = np.where(np.eye(3, dtype=bool)[np.asarray(Y)], -np.inf, moved).max(1)
        here = moved[np.arange(60), np.asarray(Y)] - others
        lowest = np.where(np.asarray(Y) == c, lowest, np.minimum(lowest, here))
    np.testing.assert_allclose(found.margin, lowest, rtol=1e-5)


def hidden_margin(x, y):
    """Class 1 speaks only beyond a threshold that no point is near: its gradient is zero at x."""
    del y
    return 1.0 - 10.0 * jax.nn.relu(x[:, 1] - 0.4)


def test_steps_from_an_injected_feature_find_what_descent_from_x_does_not():
    x = jnp.zeros((5, 8))
    y = jnp.zeros(5, jnp.int32)
    with pytest.warns(UserWarning, match="start blind"):
        blind = pgd(jax.random.key(0), hidden_margin, x, y, BALL)
    assert (blind.margin > 0).all()
    found = TowardsClasses(FEATURES, steps=3)(jax.random.key(0), hidden_margin, x, y, BALL)
    np.testing.assert_allclose(found.margin, 0.0, atol=1e-5)
    assert (BALL.size(found.perturbation) <= 0.5 * (1 + 1e-5)).all()


def test_a_distant_start_in_a_product_of_balls_wakes_the_same_neuron_in_every_part():
    ball = Ball(0.5, "l2", parts=4)
    weight = jax.random.normal(jax.random.key(3), (2,))

    def margin(x, y):
        del y
        return -jnp.sum(jax.nn.relu(jnp.einsum("npd,d->np", x.reshape(-1, 4, 2), weight) - 1.0), axis=1)

    x = jnp.zeros((40, 8))
    start = distant_start(jax.random.key(4), margin, x, jnp.zeros(40), ball)
    parts = np.asarray(start).reshape(40, 4, 2)
    along = parts @ np.asarray(weight) / np.linalg.norm(weight)
    # Either the ray woke it, and then everywhere, or it did not.
    woken = np.isclose(along, 0.5, atol=1e-5)
    assert (woken.all(axis=1) | ~woken.any(axis=1)).all()
    assert 0.2 < woken.all(axis=1).mean() < 0.8

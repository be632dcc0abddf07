"""Planted mixtures are taken out and put in exactly, and firing is counted as by hand."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.analysis import dense_part, dense_size, features, firing, own_feature

DIM, NEURONS = 40, 12
RNG = np.random.default_rng(0)
LABEL = (RNG.uniform(0.5, 1.5, DIM) * RNG.choice([-1.0, 1.0], DIM)).astype(np.float32)


def planted(size, rest=0.0):
    """Neurons c e_j + size (w* − w*_j e_j) + rest, and their features."""
    feature = RNG.integers(0, DIM, NEURONS)
    rows = size[:, None] * LABEL + rest * RNG.normal(size=(NEURONS, DIM))
    rows[np.arange(NEURONS), feature] = 3.0 * RNG.choice([-1.0, 1.0], NEURONS)
    return jnp.asarray(rows, jnp.float32), feature


def test_a_planted_mixture_is_taken_out_exactly_and_the_feature_stays():
    size = RNG.uniform(-0.3, 0.3, NEURONS)
    rows, feature = planted(size)
    found = dense_size(rows, jnp.asarray(LABEL))
    np.testing.assert_allclose(found, size, atol=1e-6)
    left = rows - dense_part(found, own_feature(rows), jnp.asarray(LABEL))
    np.testing.assert_array_equal(left[np.arange(NEURONS), feature], rows[np.arange(NEURONS), feature])
    others = np.arange(DIM) != feature[:, None]
    np.testing.assert_allclose(np.asarray(left)[others], 0.0, atol=1e-6)


def test_nothing_of_the_mixture_is_left_beside_noise():
    """What is left has C = 0 to rounding; taking it out twice takes nothing more."""
    rows, _ = planted(RNG.uniform(-0.3, 0.3, NEURONS), rest=0.1)
    label = jnp.asarray(LABEL)
    left = rows - dense_part(dense_size(rows, label), own_feature(rows), label)
    np.testing.assert_allclose(features(left, label, 6).mixture, 0.0, atol=1e-4)
    np.testing.assert_allclose(dense_size(left, label), 0.0, atol=1e-6)


def test_a_part_may_have_a_direction_of_each_neurons_own():
    size, feature = jnp.asarray([1.0, -2.0]), jnp.asarray([1, 0])
    directions = jnp.asarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    expected = [[1.0, 0.0, 3.0], [0.0, -10.0, -12.0]]
    np.testing.assert_array_equal(dense_part(size, feature, directions), expected)
    shared = dense_part(size, feature, directions[0])
    np.testing.assert_array_equal(shared, [[1.0, 0.0, 3.0], [0.0, -4.0, -6.0]])


@pytest.mark.parametrize("counted", [np.ones(NEURONS, bool), np.arange(NEURONS) % 2 == 0])
def test_firing_is_counted_as_by_hand(counted):
    rows, feature = planted(np.full(NEURONS, 0.1))
    code = (RNG.normal(size=(30, DIM)) * (RNG.uniform(size=(30, DIM)) < 0.3)).astype(np.float32)
    x, threshold = code + 0.1 * RNG.normal(size=code.shape).astype(np.float32), np.full(NEURONS, 1.0, np.float32)
    found = firing(
        rows, jnp.asarray(threshold), jnp.asarray(feature), jnp.asarray(counted), jnp.asarray(x), jnp.asarray(code)
    )
    expected = np.zeros((30, 4), int)
    for n in range(30):
        for i in np.flatnonzero(counted):
            fires = abs(float(np.asarray(rows[i]) @ x[n])) > 1.0
            place = 0 if code[n, feature[i]] != 0 else 2
            expected[n, place] += 1
            expected[n, place + 1] += fires
    np.testing.assert_array_equal(np.stack(found, axis=1), expected)
    assert 0 < expected[:, 1].sum() < expected[:, 0].sum() and 0 < expected[:, 3].sum() < expected[:, 2].sum()

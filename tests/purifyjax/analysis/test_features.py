"""Planted neurons c e_j + mixture · w* + noise are read back, with an honest standard error."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from purifyjax.analysis import coverage, features, firing_rate
from purifyjax.data import Instance, SparseCoding, instance

DIM, SPARSITY = 40, 6
find = jax.jit(features, static_argnums=2)


def label_weights(kind: str) -> np.ndarray:
    rng = np.random.default_rng(1)
    if kind == "equal":
        return np.ones(DIM)
    size = rng.uniform(0.5, 1.5, DIM)
    return size if kind == "unequal" else size * rng.choice([-1.0, 1.0], DIM)


def planted(seed: int, weights: np.ndarray, own: np.ndarray, slope: float, noise: float):
    """Rows with coordinate `own` at a random feature and slope · w* + noise elsewhere."""
    rng = np.random.default_rng(seed)
    rows = len(own)
    j = rng.integers(0, DIM, rows)
    coordinates = slope * weights[None, :] + noise * rng.normal(size=(rows, DIM))
    coordinates[np.arange(rows), j] = own
    return j, jnp.asarray(coordinates, jnp.float32)


@pytest.mark.parametrize("kind", ["equal", "unequal", "negative"])
@given(seed=st.integers(0, 10**6), slope=st.floats(-0.3, 0.3), size=st.floats(0.1, 10.0))
def test_planted_mixture_is_exact_without_noise(kind, seed, slope, size):
    weights = label_weights(kind)
    own = size * np.array([2.0, -2.0, 1.0, -1.0])
    j, coordinates = planted(seed, weights, own, slope * size, 0.0)
    found = find(coordinates, jnp.asarray(weights, jnp.float32), SPARSITY)
    np.testing.assert_array_equal(found.feature, j)
    norm = np.linalg.norm(np.asarray(coordinates, np.float64), axis=1)
    np.testing.assert_allclose(found.purity, np.abs(own) / norm, rtol=1e-5)
    mixture = slope * size / np.abs(own) * DIM / SPARSITY
    np.testing.assert_allclose(found.mixture, mixture, atol=1e-5)
    np.testing.assert_array_less(found.mixture_error, 1e-3)


@pytest.mark.parametrize("kind", ["equal", "unequal", "negative"])
def test_standard_error_of_the_mixture_is_honest(kind):
    """(Ĉ − C)/error has Student's t distribution with d − 2 degrees of freedom."""
    weights, rows = label_weights(kind), 4000
    own = np.where(np.arange(rows) % 2 == 0, 3.0, -2.0)
    j, coordinates = planted(2, weights, own, 0.05, 0.2)
    found = find(coordinates, jnp.asarray(weights, jnp.float32), SPARSITY)
    np.testing.assert_array_equal(found.feature, j)
    truth = 0.05 * DIM / SPARSITY / np.abs(own)
    t = (np.asarray(found.mixture) - truth) / np.asarray(found.mixture_error)
    assert stats.kstest(t, stats.t(DIM - 2).cdf).pvalue > 1e-6
    for level in (0.68, 0.95):
        inside = np.mean(np.abs(t) < stats.t(DIM - 2).ppf(0.5 + level / 2))
        assert abs(inside - level) < 5 * np.sqrt(level * (1 - level) / rows)


def test_mixture_equals_least_squares():
    weights = label_weights("negative")
    rows = np.random.default_rng(3).normal(size=(8, DIM))
    found = find(jnp.asarray(rows, jnp.float32), jnp.asarray(weights, jnp.float32), SPARSITY)
    for i, row in enumerate(rows):
        j = int(np.argmax(np.abs(row)))
        others = np.delete(np.arange(DIM), j)
        (slope,), (square,), *_ = np.linalg.lstsq(weights[others][:, None], row[others], rcond=None)
        error = np.sqrt(square / (DIM - 2) / np.sum(weights[others] ** 2))
        unit = DIM / SPARSITY / abs(row[j])
        assert int(found.feature[i]) == j
        np.testing.assert_allclose(found.mixture[i], slope * unit, atol=1e-5)
        np.testing.assert_allclose(found.mixture_error[i], error * unit, rtol=1e-4)


def test_random_dictionary_is_seen_through():
    config = SparseCoding(dimension=DIM, sparsity=SPARSITY, dictionary="random", label_spread=0.4)
    fixed = instance(config)
    weights = np.asarray(fixed.label_weights, np.float64)
    own = np.array([1.0, -1.0, 2.0])
    j, coordinates = planted(4, weights, own, 0.02, 0.0)
    found = find(fixed.to_code(fixed.to_input(coordinates)), fixed.label_weights, SPARSITY)
    np.testing.assert_array_equal(found.feature, j)
    np.testing.assert_allclose(found.mixture, 0.02 * DIM / SPARSITY / np.abs(own), atol=1e-4)
    # Without the change of basis the neurons look dense.
    raw = find(fixed.to_input(coordinates), fixed.label_weights, SPARSITY)
    assert float(raw.purity.max()) < float(found.purity.min())


@given(seed=st.integers(0, 10**6))
def test_purity_is_the_largest_cosine_with_the_dictionary(seed):
    rng = np.random.default_rng(seed)
    m, _ = np.linalg.qr(rng.normal(size=(DIM, DIM)))
    w = rng.normal(size=(3, DIM))
    fixed = Instance(jnp.asarray(m, jnp.float32), jnp.ones(DIM))
    found = find(fixed.to_code(jnp.asarray(w, jnp.float32)), fixed.label_weights, SPARSITY)
    cosine = np.abs(w @ m) / np.linalg.norm(w, axis=1, keepdims=True)
    np.testing.assert_allclose(found.purity, cosine.max(axis=1), rtol=1e-4)
    np.testing.assert_array_equal(found.feature, cosine.argmax(axis=1))


def test_pure_and_zero_neurons_give_no_nan():
    coordinates = jnp.zeros((3, DIM)).at[0, 7].set(-2.0).at[1, 3].set(1e-4)
    found = find(coordinates, jnp.ones(DIM), SPARSITY)
    chex.assert_tree_all_finite(found)
    np.testing.assert_allclose(found.purity, [1.0, 1.0, 0.0], atol=1e-6)
    np.testing.assert_array_equal(found.feature[:2], [7, 3])
    np.testing.assert_allclose(found.mixture, np.zeros(3), atol=1e-6)
    np.testing.assert_allclose(found.mixture_error, np.zeros(3), atol=1e-3)


def test_mixture_does_not_depend_on_the_scale_of_the_neuron():
    rows = jnp.asarray(np.random.default_rng(5).normal(size=(4, DIM)), jnp.float32)
    one, small = (find(scale * rows, jnp.ones(DIM), SPARSITY) for scale in (1.0, 1e-3))
    chex.assert_trees_all_close(one, small, rtol=1e-4)


def test_leading_axes_are_kept():
    rows = jax.random.normal(jax.random.key(0), (2, 3, DIM))
    found = find(rows, jnp.ones(DIM), SPARSITY)
    chex.assert_shape(list(found), (2, 3))
    single = find(rows[1, 2], jnp.ones(DIM), SPARSITY)
    chex.assert_trees_all_close(jax.tree.map(lambda leaf: leaf[1, 2], found), single, rtol=1e-5)


def test_firing_rate_counts_both_signs_above_the_threshold():
    weight = jnp.array([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
    x = jnp.array([[1.0, 0.5], [-1.0, 0.25], [0.4, -3.0], [0.5, 0.0]])
    # Neuron 0 against 0.5: |1|, |−1| fire, 0.5 does not; neuron 1 against 0.9: 1.0 and −6 fire.
    np.testing.assert_allclose(firing_rate(weight, jnp.array([0.5, 0.9, 0.0]), x), [0.5, 0.5, 0.0])


def test_firing_rate_of_a_pure_neuron_is_the_rate_of_its_feature():
    codes = np.random.default_rng(6).random((50, DIM)) < 0.2
    rate = firing_rate(jnp.eye(DIM), jnp.full(DIM, 0.5), jnp.asarray(codes, jnp.float32))
    np.testing.assert_allclose(rate, codes.mean(axis=0), rtol=1e-6)


def test_coverage_counts_features_of_live_neurons_once():
    feature = jnp.array([0, 0, 3, 5, 5, 9])
    live = jnp.array([True, True, True, False, True, False])
    np.testing.assert_allclose(coverage(feature, live, 10), 0.3)
    np.testing.assert_allclose(coverage(feature, jnp.zeros(6, bool), 10), 0.0)
    np.testing.assert_allclose(coverage(jnp.arange(10), jnp.ones(10, bool), 10), 1.0)

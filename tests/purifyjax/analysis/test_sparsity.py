"""The participation ratio against its closed forms."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from purifyjax.analysis import participation_ratio

DIM = 60


@pytest.mark.parametrize("k", [1, 2, 31, DIM])
def test_equal_entries_are_counted(k):
    row = np.zeros(DIM, np.float32)
    row[np.random.default_rng(k).permutation(DIM)[:k]] = 0.3 * (-1.0) ** np.arange(k)
    np.testing.assert_allclose(participation_ratio(jnp.asarray(row)), k, rtol=1e-6)


def test_two_unequal_entries():
    # (9 + 1)² / (81 + 1)
    np.testing.assert_allclose(participation_ratio(jnp.array([0.0, 3.0, -1.0])), 100 / 82, rtol=1e-6)


def test_a_gaussian_vector_spreads_over_a_third_of_its_coordinates():
    rows = jax.random.normal(jax.random.key(0), (2000, 1024))
    # E Σ δ⁴/(Σ δ²)² = 3/(d + 2) exactly; its inverse differs by O(1).
    np.testing.assert_allclose(jnp.mean(participation_ratio(rows)), (1024 + 2) / 3, rtol=0.02)


def test_few_large_entries_over_a_dense_carpet():
    """s spikes of size 1 in a carpet of size ε: (s + (d − s) ε²)² / (s + (d − s) ε⁴)."""
    row = jnp.full(DIM, 0.1).at[:4].set(1.0)
    np.testing.assert_allclose(participation_ratio(row), (4 + 56 * 0.01) ** 2 / (4 + 56 * 1e-4), rtol=1e-5)


@given(exponent=st.integers(-36, 36), seed=st.integers(0, 10**6))
def test_the_scale_does_not_matter(exponent, seed):
    row = np.random.default_rng(seed).uniform(0.5, 1.5, DIM)
    expected = np.sum(row**2) ** 2 / np.sum(row**4)
    scaled = jnp.asarray(row * 10.0**exponent, jnp.float32)
    np.testing.assert_allclose(participation_ratio(scaled), expected, rtol=1e-5)


@given(seed=st.integers(0, 10**6), zeros=st.integers(0, DIM - 1))
def test_it_lies_between_one_and_the_support(seed, zeros):
    row = np.random.default_rng(seed).standard_cauchy(DIM)
    row[:zeros] = 0.0
    found = float(participation_ratio(jnp.asarray(row, jnp.float32)))
    assert 1 - 1e-5 <= found <= (DIM - zeros) * (1 + 1e-5)


def test_rows_apart_and_zero_rows():
    rows = jnp.zeros((2, 3, DIM)).at[1, 2].set(1.0).at[0, 1, 5].set(-2.0)
    found = participation_ratio(rows)
    chex.assert_shape(found, (2, 3))
    np.testing.assert_allclose(found, [[0, 1, 0], [0, 0, DIM]], rtol=1e-6)

"""Planted decompositions w = β w' + v with v orthogonal to w' are found again."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from purifyjax.analysis import absolute_cosine, decompose

DIM = 12
split = jax.jit(decompose)
cosine_of = jax.jit(absolute_cosine)


def orthogonal_pair(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit rows u ⊥ v."""
    rng = np.random.default_rng(seed)
    u = rng.normal(size=(rows, DIM))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    v = rng.normal(size=(rows, DIM))
    v -= np.sum(u * v, axis=1, keepdims=True) * u
    return u, v / np.linalg.norm(v, axis=1, keepdims=True)


@given(
    seed=st.integers(0, 10**6),
    beta=st.floats(-5.0, 5.0),
    size=st.floats(0.01, 100.0),
    remainder=st.floats(0.0, 5.0),
)
def test_planted_decomposition_is_recovered(seed, beta, size, remainder):
    u, v = orthogonal_pair(seed, 4)
    robust = size * u
    found = split(jnp.asarray(beta * robust + remainder * v, jnp.float32), jnp.asarray(robust, jnp.float32))
    scale = max(abs(beta) * size, remainder, 1e-3)
    np.testing.assert_allclose(found.beta * size, np.full(4, beta * size), atol=3e-6 * scale)
    np.testing.assert_allclose(found.pure, np.full(4, abs(beta) * size), atol=3e-6 * scale)
    np.testing.assert_allclose(found.remainder, np.full(4, remainder), atol=3e-6 * scale)


@given(seed=st.integers(0, 10**6))
def test_beta_is_the_least_squares_coefficient(seed):
    rng = np.random.default_rng(seed)
    w, robust = rng.normal(size=(2, 5, DIM))
    found = split(jnp.asarray(w, jnp.float32), jnp.asarray(robust, jnp.float32))
    for row in range(5):
        (beta,), (square,), *_ = np.linalg.lstsq(robust[row][:, None], w[row], rcond=None)
        np.testing.assert_allclose(found.beta[row], beta, atol=1e-5)
        np.testing.assert_allclose(found.remainder[row] ** 2, square, rtol=1e-4)
    np.testing.assert_allclose(found.pure**2 + found.remainder**2, np.sum(w**2, axis=1), rtol=1e-5)


@given(seed=st.integers(0, 10**6), angle=st.floats(0.0, np.pi))
def test_pure_part_dominates_exactly_within_45_degrees(seed, angle):
    assume(abs(abs(np.cos(angle)) - np.sqrt(0.5)) > 1e-4)
    u, v = orthogonal_pair(seed, 3)
    w = jnp.asarray(1.7 * (np.cos(angle) * u + np.sin(angle) * v), jnp.float32)
    robust = jnp.asarray(0.3 * u, jnp.float32)
    found = split(w, robust)
    cosine = cosine_of(w, robust)
    np.testing.assert_allclose(cosine, np.full(3, abs(np.cos(angle))), atol=1e-6)
    np.testing.assert_array_equal(np.asarray(cosine) > np.sqrt(0.5), np.asarray(found.pure > found.remainder))
    assert bool((cosine > np.sqrt(0.5)).all()) == (abs(np.cos(angle)) > np.sqrt(0.5))


def test_zero_neurons_give_no_nan():
    w = jnp.array([[1.0, 2.0, 2.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    robust = jnp.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    found = split(w, robust)
    np.testing.assert_array_equal(found.beta, [0.0, 0.0, 0.0])
    np.testing.assert_array_equal(found.pure, [0.0, 0.0, 0.0])
    np.testing.assert_allclose(found.remainder, [3.0, 0.0, 0.0])
    np.testing.assert_array_equal(absolute_cosine(w, robust), [0.0, 0.0, 0.0])


def test_cosine_ignores_sign_and_scale():
    a = jnp.array([[3.0, 4.0], [3.0, 4.0], [3.0, 4.0]])
    b = jnp.array([[6.0, 8.0], [-0.3, -0.4], [-8.0, 6.0]])
    np.testing.assert_allclose(absolute_cosine(a, b), [1.0, 1.0, 0.0], atol=1e-6)


def test_leading_axes_are_kept():
    w = jax.random.normal(jax.random.key(0), (2, 3, DIM))
    robust = jax.random.normal(jax.random.key(1), (2, 3, DIM))
    found = split(w, robust)
    chex.assert_shape(list(found), (2, 3))
    chex.assert_shape(cosine_of(w, robust), (2, 3))
    single = split(w[1, 2], robust[1, 2])
    chex.assert_trees_all_close(jax.tree.map(lambda leaf: leaf[1, 2], found), single, rtol=1e-5)

"""The patch network against plain loops, and its smoothed ReLU against the formula, piece by piece."""

from __future__ import annotations

import math
from typing import Any, cast

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from purifyjax.models import PatchCNN, smoothed_relu

CLASSES, FILTERS, PATCHES, DIM, POINTS = 3, 4, 5, 6, 7
SETTINGS = [(2, 1.0), (3, 0.3), (4, 2.5)]
settings = pytest.mark.parametrize("exponent,knee", SETTINGS)

sigma = jax.jit(smoothed_relu, static_argnums=1)
slope = jax.jit(jax.vmap(jax.grad(smoothed_relu), (0, None, None)), static_argnums=1)


def plain_sigma(t: float, q: int, knee: float) -> float:
    if t <= 0:
        return 0.0
    return t**q / (q * knee ** (q - 1)) if t <= knee else t - (1 - 1 / q) * knee


def plain_slope(t: float, q: int, knee: float) -> float:
    return min(max(t / knee, 0.0), 1.0) ** (q - 1)


# The smoothed ReLU


@settings
def test_value_and_slope_are_those_of_the_pieces(exponent, knee):
    t = np.concatenate([np.linspace(-2.0, 3.0, 101) * knee, [-1e3, -1e-3, 1e-3, 1e3]]).astype(np.float32)
    values, slopes = ([f(float(v), exponent, knee) for v in t] for f in (plain_sigma, plain_slope))
    np.testing.assert_allclose(sigma(t, exponent, knee), values, rtol=2e-6, atol=1e-7)
    np.testing.assert_allclose(slope(t, exponent, knee), slopes, rtol=1e-5, atol=1e-6)
    assert (np.asarray(sigma(t, exponent, knee))[t <= 0] == 0.0).all()


def test_values_by_hand():
    """q = 3, ϱ = 2: σ(1) = 1/12, σ(2) = 2/3, σ(5) = 5 − 4/3."""
    found = smoothed_relu(jnp.array([-1.0, 0.0, 1.0, 2.0, 5.0]), 3, 2.0)
    np.testing.assert_allclose(found, [0.0, 0.0, 1 / 12, 2 / 3, 11 / 3], rtol=1e-6)


@settings
def test_value_and_slope_are_continuous_at_both_joints(exponent, knee):
    """From either side and at the joint itself, where clipping and maximum have no derivative of their own."""
    for joint, value, steepness in ((0.0, 0.0, 0.0), (knee, knee / exponent, 1.0)):
        sides = jnp.array([joint - 1e-5 * knee, joint, joint + 1e-5 * knee])
        np.testing.assert_allclose(sigma(sides, exponent, knee), value, rtol=1e-4, atol=2e-5 * knee)
        np.testing.assert_allclose(slope(sides, exponent, knee), steepness, atol=1e-4)


@settings
@given(ends=st.tuples(st.floats(-4.0, 4.0), st.floats(-4.0, 4.0)), share=st.floats(0.0, 1.0))
def test_convex_and_between_zero_and_slope_one(exponent, knee, ends, share):
    low, high = sorted(ends)
    middle = low + share * (high - low)
    f_low, f_middle, f_high = np.asarray(sigma(jnp.array([low, middle, high]), exponent, knee), np.float64)
    assert f_middle <= (1 - share) * f_low + share * f_high + 1e-5
    assert -1e-6 <= f_high - f_low <= high - low + 2e-6
    s_low, s_high = np.asarray(slope(jnp.array([low, high]), exponent, knee))
    assert 0.0 <= s_low <= s_high <= 1.0


@settings
@pytest.mark.parametrize("huge", [1e20, 1e37])
def test_huge_inputs_give_finite_values_and_slopes(exponent, knee, huge):
    """The power of a huge number overflows, in the branch that is not taken too."""
    t = jnp.array([-huge, huge], jnp.float32)
    np.testing.assert_allclose(sigma(t, exponent, knee), [0.0, huge], rtol=1e-5)
    np.testing.assert_array_equal(slope(t, exponent, knee), [0.0, 1.0])


def test_knee_is_traced():
    chex.clear_trace_counter()
    once = jax.jit(chex.assert_max_traces(smoothed_relu, n=1), static_argnums=1)
    t = jnp.linspace(-1.0, 4.0, 9)
    for knee in (0.5, 1.0, 3.0):
        np.testing.assert_allclose(once(t, 3, knee), [plain_sigma(float(v), 3, knee) for v in t], rtol=1e-5, atol=1e-7)


# The network


def network(knee: float = 0.8, exponent: int = 3) -> PatchCNN:
    return PatchCNN(CLASSES, FILTERS, PATCHES, exponent, knee, precision=jax.lax.Precision.HIGHEST)


def logits(model: PatchCNN, weight, x) -> jax.Array:
    return cast(jax.Array, model.apply({"params": {"weight": jnp.asarray(weight, jnp.float32)}}, x))


def random_case(seed: int) -> tuple[np.ndarray, jax.Array]:
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(CLASSES, FILTERS, DIM)).astype(np.float32)
    return weight, jnp.asarray(rng.normal(size=(POINTS, PATCHES * DIM)), jnp.float32)


def by_loops(weight, x, exponent: int, knee: float) -> np.ndarray:
    weight, x = np.asarray(weight, np.float64), np.asarray(x, np.float64)
    found = np.zeros((len(x), len(weight)))
    for n in range(len(x)):
        for c in range(len(weight)):
            for r in range(weight.shape[1]):
                for p in range(PATCHES):
                    patch = x[n, p * DIM : (p + 1) * DIM]
                    found[n, c] += plain_sigma(float(weight[c, r] @ patch), exponent, knee)
    return found


@settings
@pytest.mark.parametrize("seed", range(2))
def test_logits_equal_the_loops_over_filters_and_patches(exponent, knee, seed):
    weight, x = random_case(seed)
    found = logits(network(knee, exponent), weight, x)
    chex.assert_shape(found, (POINTS, CLASSES))
    np.testing.assert_allclose(found, by_loops(weight, x, exponent, knee), rtol=1e-5, atol=1e-5)


def test_logits_by_hand():
    """One filter a class, two patches of two numbers, q = 2, ϱ = 1: σ(t) = t²/2 up to 1, then t − ½."""
    model = PatchCNN(classes=2, filters=1, patches=2, exponent=2)
    x = jnp.array([[0.5, 7.0, 3.0, -7.0], [-1.0, 2.0, 0.0, 0.4]])
    found = logits(model, [[[1.0, 0.0]], [[0.0, 1.0]]], x)
    np.testing.assert_allclose(found, [[0.125 + 2.5, 6.5], [0.0, 1.5 + 0.08]], rtol=1e-6)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("factor", [0.1, 7.0])
def test_homogeneous_in_weights_and_knee(seed, factor):
    """F(λw; λϱ) = λ F(w; ϱ)."""
    weight, x = random_case(seed)
    expected = factor * logits(network(0.8), weight, x)
    np.testing.assert_allclose(logits(network(factor * 0.8), factor * weight, x), expected, rtol=1e-4)


def test_small_inputs_are_homogeneous_of_degree_q():
    """Below the knee F(λX) = λ^q F(X)."""
    weight, x = random_case(0)
    x = 1e-3 * x
    for exponent in (2, 3, 4):
        model = network(0.8, exponent)
        expected = 0.5**exponent * logits(model, weight, x)
        np.testing.assert_allclose(logits(model, weight, 0.5 * x), expected, rtol=1e-4)


def test_patches_may_be_permuted_but_not_their_coordinates():
    weight, x = random_case(1)
    order = np.random.default_rng(0).permutation(PATCHES)
    cut = x.reshape(POINTS, PATCHES, DIM)
    found = logits(network(), weight, x)
    np.testing.assert_allclose(logits(network(), weight, cut[:, order].reshape(POINTS, -1)), found, rtol=1e-5)
    rolled = logits(network(), weight, jnp.roll(cut, 1, axis=2).reshape(POINTS, -1))
    assert np.abs(rolled - found).min() > 1e-3


def test_classes_and_filters_may_be_permuted():
    weight, x = random_case(1)
    found = logits(network(), weight, x)
    np.testing.assert_allclose(logits(network(), weight[::-1], x), found[:, ::-1], rtol=1e-5)
    np.testing.assert_allclose(logits(network(), weight[:, ::-1], x), found, rtol=1e-5)


@pytest.mark.parametrize("scale", [0.02, 1.5])
def test_weights_start_as_gaussians_of_the_scale(scale):
    model = PatchCNN(classes=3, filters=20, patches=2, init_scale=scale)
    params, other = (model.init(jax.random.key(seed), jnp.zeros((1, 2 * 50)))["params"] for seed in (0, 1))
    assert set(params) == {"weight"}
    weight = cast(jax.Array, params["weight"])
    chex.assert_shape(weight, (3, 20, 50))
    chex.assert_type(weight, jnp.float32)
    drawn: Any = stats.kstest(weight.ravel(), stats.norm(0.0, scale).cdf)
    assert drawn.pvalue > 1e-6
    assert abs(float(weight.std()) - scale) < 5 * scale / math.sqrt(2 * weight.size)
    both = np.stack([weight.ravel(), cast(jax.Array, other["weight"]).ravel()])
    assert abs(np.sum(both[0] * both[1])) < 5 * scale**2 * math.sqrt(weight.size)


def test_gradients_equal_those_of_the_loops_and_stay_finite():
    """∂F_c/∂w_{c,r} = Σ_p σ'(⟨w_{c,r}, x_p⟩) x_p, and nothing for the other classes."""
    weight, x = random_case(2)
    model = network()
    found = jax.grad(lambda w: logits(model, w, x[:1])[0, 1])(jnp.asarray(weight))
    patches = np.asarray(x[0], np.float64).reshape(PATCHES, DIM)
    expected = np.zeros_like(weight)
    for r in range(FILTERS):
        expected[1, r] = sum(plain_slope(float(weight[1, r] @ patch), 3, 0.8) * patch for patch in patches)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    huge = jax.grad(lambda w: jnp.sum(logits(model, w, 1e15 * x)))(jnp.asarray(weight))
    chex.assert_tree_all_finite(huge)

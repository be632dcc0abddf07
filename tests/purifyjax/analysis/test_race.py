"""The race of the features against brute force: gradient ascent in two dimensions, an adversary in a real network."""

from __future__ import annotations

import math
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from purifyjax.analysis import critical_strength, injection_ratio
from purifyjax.analysis.race import crossing
from purifyjax.attacks import TowardsClasses, apgd
from purifyjax.balls import Ball
from purifyjax.margins import class_margin
from purifyjax.models import PatchCNN

# ε, α, P_R, P_NR, q
RACES = [(0.0, 1.0, 2, 30, 3), (0.2, 1.0, 2, 30, 3), (0.3, 2.0, 1, 17, 4), (0.1, 0.7, 3, 5, 2), (0.25, 1.0, 6, 6, 3)]
races = pytest.mark.parametrize("radius,alpha,robust,nonrobust,exponent", RACES)


def log_ratio_after_race(beta, radius, alpha, robust, nonrobust, exponent) -> float:
    """ln(⟨w, v⟩/⟨w, u⟩) of one filter when either has grown 300-fold, by gradient ascent on Σ_p σ(⟨w, x_p⟩).

    The patches are P_R times (α − ε) u and P_NR times (β − ε)₊ v, and w starts with equal parts.
    """
    patches = np.zeros((robust + nonrobust, 2))
    patches[:robust, 0], patches[robust:, 1] = alpha - radius, max(beta - radius, 0.0)
    w = np.ones(2)
    while w.max() < 300.0:
        growth = (patches @ w) ** (exponent - 1) @ patches
        w = w + 0.01 * growth / np.max(growth / w)
    return math.log(w[1] / w[0])


@races
def test_the_feature_that_blows_up_first_changes_at_the_critical_strength(radius, alpha, robust, nonrobust, exponent):
    race = (radius, alpha, robust, nonrobust, exponent)
    critical = critical_strength(*race)
    assert log_ratio_after_race(0.99 * critical, *race) < -0.01
    assert log_ratio_after_race(1.01 * critical, *race) > 0.01
    assert log_ratio_after_race(critical, *race) == pytest.approx(0.0, abs=1e-6)


@races
def test_crossing_of_simulated_races_is_the_critical_strength(radius, alpha, robust, nonrobust, exponent):
    race = (radius, alpha, robust, nonrobust, exponent)
    critical = float(critical_strength(*race))
    strength = critical * np.linspace(0.93, 1.08, 6)
    found = crossing(strength, np.array([log_ratio_after_race(beta, *race) for beta in strength]))
    assert found == pytest.approx(critical, rel=0.01)


def test_critical_strength_by_hand():
    """(1/8)^{1/3} = ½: β = ½ without an adversary, and ½ + ε/2 with one."""
    assert critical_strength(0.0, 1.0, 1, 8, 3) == pytest.approx(0.5)
    np.testing.assert_allclose(critical_strength(jnp.array([0.0, 0.2, 0.6]), 1.0, 1, 8, 3), [0.5, 0.6, 0.8], rtol=1e-6)
    # Many robust patches: the non-robust feature has to be the stronger one.
    assert critical_strength(0.0, 1.0, 27, 1, 3) == pytest.approx(3.0)


# Injection: filters w_c = u_c / 10, far below the knee, in a network of three classes

CLASSES, ROBUST, NONROBUST = 3, 2, 9
PATCHES = ROBUST + NONROBUST
FEATURES = np.eye(2 * CLASSES, dtype=np.float32)
U, V = jnp.asarray(FEATURES[:CLASSES]), jnp.asarray(FEATURES[CLASSES:])
Y = jnp.arange(CLASSES)


def logits(x, exponent: int) -> jax.Array:
    model = PatchCNN(CLASSES, 1, PATCHES, exponent, 1.0, precision=jax.lax.Precision.HIGHEST)
    return cast(jax.Array, model.apply({"params": {"weight": U[:, None] / 10}}, x))


def inputs(alpha: float, beta: float) -> jax.Array:
    """A point of every class: α u_y in the first P_R patches, β v_y in the others."""
    patches = [alpha * U] * ROBUST + [beta * V] * NONROBUST
    return jnp.concatenate(patches, axis=1)


def injected(radius: float, shift: int) -> jax.Array:
    """−ε u_y in the robust patches, ε u_c in the others."""
    return jnp.concatenate([-radius * U] * ROBUST + [radius * jnp.roll(U, -shift, axis=0)] * NONROBUST, axis=1)


@pytest.mark.parametrize("exponent", [2, 3, 6])
@pytest.mark.parametrize("radius", [0.1, 0.3, 0.6])
def test_injection_ratio_is_the_ratio_of_the_logits(exponent, radius):
    alpha = 1.4
    for shift in (1, 2):
        found = logits(inputs(alpha, 0.2) + injected(radius, shift), exponent)
        ratio = found[Y, (Y + shift) % CLASSES] / found[Y, Y]
        np.testing.assert_allclose(ratio, injection_ratio(radius, alpha, ROBUST, NONROBUST, exponent), rtol=1e-4)


@pytest.mark.parametrize("exponent", [2, 3, 6])
def test_pure_robust_features_stand_below_ratio_one_and_fall_above(exponent):
    alpha = 1.0
    # P_NR ε^q = P_R (α − ε)^q
    edge = alpha / (1 + (NONROBUST / ROBUST) ** (1 / exponent))
    assert injection_ratio(edge, alpha, ROBUST, NONROBUST, exponent) == pytest.approx(1.0)
    x = inputs(alpha, 0.2)

    def margin(x, y):
        return 10.0**exponent * class_margin(logits(x, exponent), y)

    inject = TowardsClasses(jnp.tile(U, (1, PATCHES)), steps=50)

    @jax.jit
    def strongest(radius):
        ball, key = Ball(radius, "l2", PATCHES), jax.random.key(0)
        tried = [
            inject(key, margin, x, Y, ball),
            apgd(key, margin, x, Y, ball, steps=60, restarts=4),
        ]
        return jnp.stack([margin(x + injected(radius, 1), Y), *(found.margin for found in tried)])

    assert injection_ratio(0.97 * edge, alpha, ROBUST, NONROBUST, exponent) < 1.0
    assert (strongest(0.97 * edge) > 0).all()
    assert injection_ratio(1.03 * edge, alpha, ROBUST, NONROBUST, exponent) > 1.0
    assert (strongest(1.03 * edge)[:2] < 0).all()


@given(
    strengths=st.tuples(*[st.floats(0.01, 2.0)] * 3),
    counts=st.tuples(st.integers(1, 20), st.integers(1, 200)),
    exponent=st.integers(2, 8),
)
def test_preferring_the_nonrobust_feature_excludes_robustness_without_noise(strengths, counts, exponent):
    """β < ε < α and P_NR β^q > P_R α^q make the ratio larger than 1."""
    beta, radius, alpha = sorted(strengths)
    robust, nonrobust = counts
    assume(beta < radius < alpha)
    nonrobust = max(nonrobust, math.ceil(1.01 * robust * (alpha / beta) ** exponent))
    assert injection_ratio(radius, alpha, robust, nonrobust, exponent) > 1.0


# The crossing of a measured curve


@given(zero=st.floats(0.2, 0.7), slope=st.floats(0.1, 50.0), seed=st.integers(0, 99))
def test_crossing_of_a_line_is_its_zero_in_any_order(zero, slope, seed):
    strength = np.random.default_rng(seed).permutation(np.linspace(0.1, 0.8, 9))
    assert crossing(strength, slope * (strength - zero)) == pytest.approx(zero, abs=1e-9)


def test_crossing_by_hand():
    strength = np.array([1.0, 2.0, 4.0, 5.0])
    assert crossing(strength, np.array([-1.0, -1.0, 3.0, 9.0])) == pytest.approx(2.5)
    assert crossing(strength, np.array([-2.0, 1.0, -1.0, 1.0])) == pytest.approx(1 + 2 / 3)  # the first of two
    assert crossing(strength, np.array([3.0, -1.0, -1.0, 1.0])) == pytest.approx(4.5)  # only upwards
    assert crossing(strength, np.array([-1.0, 0.0, 5.0, 6.0])) == 2.0  # zero has not passed yet


@pytest.mark.parametrize("values", [[1, 2, 3], [-3, -2, -1], [3, 2, -1], [-1, 0, 0], [math.nan] * 3])
def test_no_change_is_nan(values):
    assert math.isnan(crossing(np.array([0.1, 0.2, 0.3]), np.array(values, np.float64)))
    assert math.isnan(crossing(np.array([]), np.array([])))


def test_crossing_skips_what_was_not_measured_and_bears_infinity():
    strength, inf, nan = np.array([1.0, 2.0, 4.0]), math.inf, math.nan
    assert crossing(strength, np.array([-1.0, nan, 2.0])) == pytest.approx(2.0)
    assert crossing(strength, np.array([-3.0, -inf, 2.0])) == pytest.approx(4.0)
    assert crossing(strength, np.array([-3.0, -1.0, inf])) == pytest.approx(2.0)
    assert crossing(strength, np.array([-inf, -inf, inf])) == pytest.approx(3.0)

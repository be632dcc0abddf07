"""Intervals of shares against closed forms, their equations and exact coverage."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from purifyjax.stats import clopper_pearson, paired_difference_interval


def test_clopper_pearson_closed_forms():
    # No successes: (1 − high)ⁿ = α/2; the textbook's 5 of 10.
    assert clopper_pearson(0, 50) == pytest.approx((0, 1 - 0.025 ** (1 / 50)))
    assert clopper_pearson(50, 50) == pytest.approx((0.025 ** (1 / 50), 1))
    assert clopper_pearson(5, 10) == pytest.approx((0.18709, 0.81291), abs=1e-5)


@given(trials=st.integers(1, 5000), share=st.floats(0, 1), confidence=st.floats(0.5, 0.999))
def test_clopper_pearson_solves_its_equations(trials, share, confidence):
    successes = round(share * trials)
    low, high = clopper_pearson(successes, trials, confidence)
    assert 0 <= low <= successes / trials <= high <= 1
    tail = (1 - confidence) / 2
    if successes > 0:
        assert stats.binom.sf(successes - 1, trials, low) == pytest.approx(tail, rel=1e-6)
    if successes < trials:
        assert stats.binom.cdf(successes, trials, high) == pytest.approx(tail, rel=1e-6)


def test_clopper_pearson_covers_every_probability():
    trials = 30
    counts = np.arange(trials + 1)
    low, high = clopper_pearson(counts, trials)
    for probability in np.linspace(0, 1, 301):
        covered = stats.binom.pmf(counts, trials, probability)[(low <= probability) & (probability <= high)]
        assert covered.sum() >= 0.95 - 1e-12


def test_clopper_pearson_broadcasts():
    low, high = clopper_pearson([[1], [9]], [10, 20, 30])
    assert low.shape == high.shape == (2, 3)
    assert (low[1, 2], high[1, 2]) == clopper_pearson(9, 30)


@pytest.mark.parametrize(
    ("successes", "trials", "message"),
    [
        (0, 0, "at least 1"),
        (-1, 5, "between"),
        (6, 5, "between"),
        (1.5, 5, "whole"),
        (math.nan, 5, "whole"),
        (1, math.inf, "whole"),
        ([1, 7], [5, 5], "between"),
    ],
)
def test_clopper_pearson_rejects(successes, trials, message):
    with pytest.raises(ValueError, match=message):
        clopper_pearson(successes, trials)


def test_paired_difference_known_answers():
    # p_l = 0.04, p_g = 0.02: 0.02 ± 1.959964 √(0.0596/100).
    half = 1.959964 * math.sqrt(0.000596)
    assert paired_difference_interval(3, 1, 98) == pytest.approx((0.02 - half, 0.02 + half), rel=1e-6)
    # No point differs: ± z √2/(n + 2).
    half = 1.644854 * math.sqrt(2) / 1000
    assert paired_difference_interval(0, 0, 998, 0.9) == pytest.approx((-half, half), rel=1e-6)
    # No point at all: p_l = p_g = ½.
    assert paired_difference_interval(0, 0, 0) == pytest.approx((-1.385904, 1.385904), rel=1e-6)


@given(
    lost=st.integers(0, 500),
    gained=st.integers(0, 500),
    same=st.integers(0, 5000),
    confidence=st.floats(0.8, 0.999),
)
def test_paired_difference_is_odd_and_holds_the_difference(lost, gained, same, confidence):
    n = lost + gained + same
    low, high = paired_difference_interval(lost, gained, n, confidence)
    assert (low + high) / 2 == pytest.approx((lost - gained) / (n + 2))
    if n:
        assert low < (lost - gained) / n < high
    assert paired_difference_interval(gained, lost, n, confidence) == pytest.approx((-high, -low))
    wider = paired_difference_interval(lost, gained, n, (1 + confidence) / 2)
    assert wider[0] < low and high < wider[1]


def test_paired_difference_broadcasts():
    low, high = paired_difference_interval([1, 9], [[0], [3], [5]], 50)
    assert low.shape == high.shape == (3, 2)
    assert (low[2, 1], high[2, 1]) == paired_difference_interval(9, 5, 50)


# Shares of points that are lost and gained, and the number of points.
PAIRS = [(0.1, 0.1, 40), (0.3, 0.05, 40), (0.02, 0.01, 400), (0.05, 0.0, 400), (0.01, 0.002, 1536), (0.4, 0.4, 1536)]


@pytest.mark.parametrize(("lost", "gained", "points"), PAIRS)
def test_paired_difference_covers_as_often_as_it_says(lost, gained, points):
    rng = np.random.default_rng(6)
    counts = rng.multinomial(points, [lost, gained, 1 - lost - gained], 4000)
    low, high = paired_difference_interval(counts[:, 0], counts[:, 1], points)
    covered = np.mean((low <= lost - gained) & (lost - gained <= high))
    # The added points make it a little wide where hardly anything differs.
    assert 0.94 <= covered <= 0.985


def test_paired_difference_covers_exactly_at_a_small_size():
    """Over all outcomes of 20 points, for shares all over the triangle: 95% in the mean, and never far below."""
    n = 20
    lost, gained = (c.ravel() for c in np.meshgrid(np.arange(n + 1), np.arange(n + 1)))
    lost, gained = lost[lost + gained <= n], gained[lost + gained <= n]
    low, high = paired_difference_interval(lost, gained, n)
    counts = np.stack([lost, gained, n - lost - gained], axis=1)
    found = []
    for p in np.arange(0.0, 1.01, 0.1):
        for q in np.arange(0.0, 1.01 - p, 0.1):
            chance = stats.multinomial.pmf(counts, n, [p, q, max(0.0, 1 - p - q)])
            found.append(chance[(low <= p - q) & (p - q <= high)].sum())
    assert np.mean(found) == pytest.approx(0.96, abs=0.015) and min(found) > 0.91


@pytest.mark.parametrize(
    "counts", [(-1, 0, 5), (0, -1, 5), (3, 3, 5), (math.nan, 0, 5), (1, 1, math.nan), ([1, 4], [1, 2], 5)]
)
def test_paired_difference_rejects(counts):
    with pytest.raises(ValueError, match="counts of different points"):
        paired_difference_interval(*counts)

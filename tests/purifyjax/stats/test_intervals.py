"""Intervals of means and medians against closed forms, tables and their coverage."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from purifyjax.stats import (
    clopper_pearson,
    mean_interval,
    median_interval,
    paired_difference_interval,
    ratio_interval,
    ratio_of_medians_interval,
    two_level_interval,
)


@pytest.mark.parametrize("confidence", [0, 1, -0.5, 95, math.nan])
def test_confidence_must_be_a_probability(confidence):
    for interval in (median_interval, mean_interval):
        with pytest.raises(ValueError, match="confidence"):
            interval([1.0, 2.0], confidence)
    with pytest.raises(ValueError, match="confidence"):
        clopper_pearson(1, 2, confidence)
    with pytest.raises(ValueError, match="confidence"):
        two_level_interval(np.eye(2), confidence)
    with pytest.raises(ValueError, match="confidence"):
        ratio_of_medians_interval([1.0, 2.0], [1.0, 2.0], 0, confidence=confidence)
    with pytest.raises(ValueError, match="confidence"):
        paired_difference_interval(1, 2, 10, confidence)


def test_median_interval_ranks():
    # Tables of the sign test: n = 6 takes the extremes, n = 10 the 2nd and 9th, n = 20 the 6th and 15th.
    assert median_interval([3, 1, 2, 6, 5, 4]) == (1, 6)
    assert median_interval(np.arange(1, 11)) == (2, 9)
    assert median_interval(np.arange(1, 21)) == (6, 15)


@pytest.mark.parametrize("count", range(6))
def test_median_interval_of_too_few_values_says_nothing(count):
    assert median_interval(np.arange(count)) == (-math.inf, math.inf)


@given(count=st.integers(1, 400), confidence=st.floats(0.5, 0.999))
def test_median_interval_is_the_narrowest_of_its_coverage(count, confidence):
    low, high = median_interval(np.arange(1, count + 1), confidence)
    rank = 0 if low == -math.inf else int(low)
    assert rank == 0 or high == count + 1 - rank

    def coverage(rank):
        return 1 - 2 * stats.binom.cdf(rank - 1, count, 0.5)

    assert coverage(rank) >= confidence - 1e-9
    # The next rank is too narrow, or its two ends have crossed.
    assert coverage(rank + 1) < confidence + 1e-9 or 2 * (rank + 1) > count


def test_mean_interval_known_answer():
    # t₂(0.975) = 4.30265; the standard error of 1, 2, 3 is 1/√3.
    assert mean_interval([1, 2, 3]) == pytest.approx((2 - 4.30265 / 3**0.5, 2 + 4.30265 / 3**0.5), abs=1e-4)
    assert mean_interval([5.0]) == mean_interval([]) == (-math.inf, math.inf)
    assert mean_interval([4.0, 4.0]) == (4, 4)


def test_mean_interval_covers_as_often_as_it_says():
    draws = np.random.default_rng(0).normal(3, 2, (4000, 4))
    hits = [low <= 3 <= high for low, high in map(mean_interval, draws)]
    assert np.mean(hits) == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / 4000))


def test_ratio_interval_known_answers():
    # r = 3/6, residuals 0.5, 0, −0.5, s = 1/2; t₂(0.975) = 4.30265.
    low, high = ratio_interval([1, 1, 1], [1, 2, 3])
    assert (low, high) == pytest.approx((0.5 - 4.30265 * 0.5 * 3**0.5 / 6, 0.5 + 4.30265 * 0.5 * 3**0.5 / 6), abs=1e-4)
    # Wholes of one size: the mean of the shares, with Student's interval.
    shares = np.array([0.2, 0.4, 0.9])
    assert ratio_interval(10 * shares, [10, 10, 10]) == pytest.approx(mean_interval(shares))
    assert ratio_interval([1, 2, 3], [2, 4, 6]) == pytest.approx((0.5, 0.5))
    assert ratio_interval([1], [2]) == ratio_interval([], []) == ratio_interval([0, 0], [0, 0]) == (-math.inf, math.inf)
    for parts, wholes, message in (([1], [1, 2], "one length"), ([1, 1], [1, -1], "negative")):
        with pytest.raises(ValueError, match=message):
            ratio_interval(parts, wholes)


def test_ratio_interval_covers_the_share_of_clusters_that_depend_within():
    """Every cluster has a share of its own: intervals that count its members one by one would be far too narrow."""
    draw, hits, naive = np.random.default_rng(0), [], []
    for _ in range(2000):
        wholes = draw.poisson(40, 100)
        parts = draw.binomial(wholes, draw.beta(2, 6, 100))
        low, high = ratio_interval(parts, wholes)
        hits.append(low <= 0.25 <= high)
        low, high = clopper_pearson(int(parts.sum()), int(wholes.sum()))
        naive.append(low <= 0.25 <= high)
    assert 0.93 <= np.mean(hits) <= 0.97 and np.mean(naive) < 0.7


@pytest.mark.parametrize("interval", [median_interval, mean_interval])
def test_nan_is_not_a_value(interval):
    with pytest.raises(ValueError, match="NaN"):
        interval([1.0, math.nan, 2.0])
    with pytest.raises(ValueError, match="NaN"):
        two_level_interval([[1.0, math.nan], [2.0, 3.0]])
    for pairs in (([1.0, math.nan], [1.0, 2.0]), ([1.0, 2.0], [math.nan, 1.0])):
        with pytest.raises(ValueError, match="NaN"):
            ratio_of_medians_interval(*pairs, 0)


def test_two_level_interval_known_answers():
    # Seed means ½ and 0, point means the same: V = 2 · (1/8)/2, ν = 2.
    half = 4.30265 / 8**0.5
    assert two_level_interval([[1, 0], [0, 0]]) == pytest.approx((0.25 - half, 0.25 + half), abs=1e-5)
    # Effects of both levels and no interaction: two equal variances, so ν = 2 (n − 1).
    effect = np.array([0.0, 1.0, 5.0, -2.0])
    half = stats.t.ppf(0.95, 6) * math.sqrt(2 * effect.var(ddof=1) / 4)
    assert two_level_interval(effect[:, None] + effect, 0.9) == pytest.approx((2 - half, 2 + half))
    assert two_level_interval(np.full((3, 5), 4.0)) == (4, 4)


@given(effect=st.lists(st.floats(-100, 100), min_size=2, max_size=9), confidence=st.floats(0.5, 0.999))
def test_two_level_interval_of_one_level_is_students(effect, confidence):
    level = np.round(effect, 3)  # means of equal numbers are then equal but for the last digits
    for table in (np.tile(level[:, None], 4), np.tile(level, (4, 1))):
        assert two_level_interval(table, confidence) == pytest.approx(mean_interval(level, confidence), abs=1e-9)


# Standard deviations of seeds, points and interaction; each dominates the variance of the mean once.
DESIGNS = {"seeds": (1, 0.2, 0.5), "points": (0.1, 2, 0.5), "interaction": (0.05, 0.05, 3), "all": (0.4, 1, 2)}


@pytest.mark.parametrize("design", DESIGNS)
def test_two_level_interval_covers_the_mean(design):
    seed, point, both = DESIGNS[design]
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(1500):
        effects = seed * rng.normal(size=(8, 1)) + point * rng.normal(size=60)
        low, high = two_level_interval(3 + effects + both * rng.normal(size=(8, 60)))
        hits.append(low <= 3 <= high)
    assert np.mean(hits) >= 0.93
    # Counted twice, the interaction alone would be covered Pr[|t| ≤ 1.96 √2] = 99.4% of the time.
    assert np.mean(hits) <= (0.97 if design in ("seeds", "points") else 0.997)


def test_two_level_interval_covers_differences_of_successes():
    """Where two nets differ, −1 or 1: on hard points more often, and with some seeds more often."""
    rng = np.random.default_rng(1)
    hits = []
    for _ in range(1000):
        latent = 0.2 * rng.normal(size=(8, 1)) + 0.7 * rng.normal(size=200) + 0.7 * rng.normal(size=(8, 200))
        low, high = two_level_interval(np.where(latent > 1.2, 1, np.where(latent < -1.8, -1, 0)))
        spread = math.sqrt(0.2**2 + 2 * 0.7**2)
        hits.append(low <= stats.norm.sf(1.2 / spread) - stats.norm.sf(1.8 / spread) <= high)
    assert np.mean(hits) >= 0.93


def test_two_level_interval_is_wider_than_either_level_alone():
    """Points that all seeds share do not become more by repetition, nor do seeds by points."""
    rng = np.random.default_rng(2)
    table = rng.normal(size=(6, 1)) + rng.normal(size=30) + rng.normal(size=(6, 30))
    low, high = two_level_interval(table)
    for alone in (table.mean(axis=1), table.mean(axis=0), table):
        assert high - low > stats.norm.ppf(0.975) * 2 * np.std(alone, ddof=1) / math.sqrt(np.size(alone))
    assert (low + high) / 2 == pytest.approx(table.mean())


@pytest.mark.parametrize("shape", [(1, 50), (8, 1), (0, 3), (2, 0)])
def test_two_level_interval_of_too_few_says_nothing(shape):
    assert two_level_interval(np.ones(shape)) == (-math.inf, math.inf)


@pytest.mark.parametrize("values", [[1.0, 2.0], 3.0, np.ones((2, 2, 2))])
def test_two_level_interval_needs_a_table(values):
    with pytest.raises(ValueError, match="table of seeds and points"):
        two_level_interval(values)

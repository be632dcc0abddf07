"""Intervals and fits against closed forms, exact coverage and second implementations."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from purifyjax.stats import (
    adjusted_r_squared,
    clopper_pearson,
    mean_interval,
    median_interval,
    paired_difference_interval,
    ratio_interval,
    ratio_of_medians_interval,
    two_level_interval,
    weighted_line_fit,
)


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


def test_ratio_of_medians_known_answers():
    assert ratio_of_medians_interval([-3.0] * 5, [2.0] * 5, 0) == (1.5, 1.5, 1.5)
    assert ratio_of_medians_interval([3.0], [-4.0], 0) == (0.75, 0.75, 0.75)
    # Two pairs: a resample is one of them twice (¼ each) or both (½).
    value, low, high = ratio_of_medians_interval([1.0, 3.0], [1.0, 1.0], 0)
    assert (value, low, high) == (2, 1, 3)
    assert ratio_of_medians_interval([1.0, 3.0], [1.0, 1.0], 0, confidence=0.4) == (2, 2, 2)


def test_ratio_of_medians_resamples_pairs():
    """Where a follows b their ratio is certain, however much both of them vary."""
    b = np.random.default_rng(0).lognormal(size=40)
    assert ratio_of_medians_interval(-b / 4, b, 1) == (0.25, 0.25, 0.25)
    value, low, high = ratio_of_medians_interval(-b[::-1] / 4, b, 1)
    assert value == 0.25 and low < 0.2 < 0.3 < high


def test_ratio_of_medians_of_signed_values_is_that_of_their_medians_sizes():
    """Not the median of ratios, nor that of sizes."""
    a, b = np.array([-5.0, -1.0, 2.0]), np.array([1.0, -10.0, -2.0])
    assert ratio_of_medians_interval(a, b, 0)[0] == 0.5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ratio_of_medians_agrees_with_a_loop(dtype):
    rng = np.random.default_rng(3)
    a, b = rng.normal(1, 1, 21).astype(dtype), rng.normal(5, 1, 21).astype(dtype)
    draws = np.random.default_rng(7).integers(0, 21, (1000, 21))
    ratios = np.sort([abs(sorted(a[row])[10]) / abs(sorted(b[row])[10]) for row in draws])
    value, low, high = ratio_of_medians_interval(a, b, 7)
    assert value == abs(sorted(a)[10]) / abs(sorted(b)[10])
    # Quantiles of 1000 values lie between the 25th and 26th smallest, and the 25th and 26th largest.
    assert ratios[24] <= low <= ratios[25] and ratios[-26] <= high <= ratios[-25]
    assert (value, low, high) == ratio_of_medians_interval(a, b, 7) != ratio_of_medians_interval(a, b, 8)


def test_ratio_of_medians_narrows_with_confidence_and_pairs():
    rng = np.random.default_rng(4)
    a, b = rng.normal(1, 1, 400), rng.normal(5, 1, 400)

    def width(n, confidence):
        _, low, high = ratio_of_medians_interval(a[:n], b[:n], 0, confidence=confidence)
        return high - low

    assert width(400, 0.5) < width(400, 0.95) < width(400, 0.99)
    assert width(400, 0.95) < 0.5 * width(40, 0.95)


def test_ratio_of_medians_covers_the_true_ratio():
    rng = np.random.default_rng(5)
    hits = []
    for seed in range(400):
        both = rng.normal(size=81)  # what the pairs share
        a, b = 0.1 + 0.05 * (both + rng.normal(size=81)), 2 + 0.5 * (both + rng.normal(size=81))
        _, low, high = ratio_of_medians_interval(a, b, seed, resamples=400)
        hits.append(low <= 0.05 <= high)
    assert np.mean(hits) == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / 400))


def test_ratio_of_medians_edges():
    assert np.isnan(ratio_of_medians_interval([], [], 0)).all()
    assert ratio_of_medians_interval([1.0, 1.0], [0.0, 0.0], 0)[0] == math.inf
    assert np.isnan(ratio_of_medians_interval([0.0, 0.0], [0.0, 0.0], 0)).all()
    assert ratio_of_medians_interval([0.0, 0.0], [2.0, 1.0], 0) == (0, 0, 0)


def test_ratio_of_medians_rejects():
    with pytest.raises(ValueError, match="one length"):
        ratio_of_medians_interval([1.0, 2.0], [1.0], 0)
    with pytest.raises(ValueError, match="resamples = 0 .*at least 1"):
        ratio_of_medians_interval([1.0], [1.0], 0, resamples=0)


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


@given(
    slope=st.floats(-5, 5),
    intercept=st.floats(-5, 5),
    errors=st.lists(st.floats(0.01, 10), min_size=2, max_size=8),
)
def test_points_on_a_line_are_recovered(slope, intercept, errors):
    x = np.linspace(-1, 2, len(errors))
    fit = weighted_line_fit(x, intercept + slope * x, errors)
    assert (fit.slope, fit.intercept) == pytest.approx((slope, intercept), abs=1e-9)
    assert fit.slope_low < slope < fit.slope_high


def test_line_agrees_with_polyfit():
    rng = np.random.default_rng(1)
    x, errors = rng.normal(size=12), rng.uniform(0.5, 2, 12)
    y = 1.5 - 0.5 * x + errors * rng.normal(size=12)
    fit = weighted_line_fit(x, y, errors)
    (slope, intercept), trusted = np.polyfit(x, y, 1, w=1 / errors, cov="unscaled")
    _, scattered = np.polyfit(x, y, 1, w=1 / errors, cov=True)
    half = max(1.959964 * trusted[0, 0] ** 0.5, stats.t.ppf(0.975, 10) * scattered[0, 0] ** 0.5)
    assert fit == pytest.approx((slope, intercept, slope - half, slope + half), rel=1e-6)


def test_scatter_beyond_the_errors_widens_the_interval():
    x, zigzag = np.arange(6.0), np.array([1, -1, 1, -1, 1, -1])
    calm = weighted_line_fit(x, x + 0.01 * zigzag, np.full(6, 0.1))
    rough = weighted_line_fit(x, x + 1.0 * zigzag, np.full(6, 0.1))
    trusted = 2 * 1.959964 * 0.1 / math.sqrt(np.sum((x - x.mean()) ** 2))
    assert calm.slope_high - calm.slope_low == pytest.approx(trusted)
    assert rough.slope_high - rough.slope_low > 10 * trusted


def test_power_law_exponent_from_two_sizes():
    # radius ∝ d^{−1/2}: two points, of which the errors alone can be trusted.
    fit = weighted_line_fit(np.log([256, 1024]), np.log([0.2, 0.1]), [0.1, 0.1])
    assert fit.slope == pytest.approx(-0.5)
    assert fit.slope_high - fit.slope == pytest.approx(1.959964 * math.sqrt(2) * 0.1 / math.log(4))


@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        ([1], [1], [1], "two points"),
        ([2, 2, 2], [1, 2, 3], [1, 1, 1], "different x"),
        ([1, 2], [1, 2, 3], [1, 1], "one length"),
        ([1, 2], [1, math.nan], [1, 1], "finite"),
        ([1, 2], [1, 2], [1, 0], "positive"),
    ],
)
def test_line_rejects(x, y, error, message):
    with pytest.raises(ValueError, match=message):
        weighted_line_fit(x, y, error)


def test_adjusted_r_squared_known_answers():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(200, 5))
    assert adjusted_r_squared(x, x @ draw.normal(size=5) + 3.0) == pytest.approx(1.0)
    # One input: R² is the squared correlation.
    y = x[:, 0] + draw.normal(size=200)
    r2 = np.corrcoef(x[:, 0], y)[0, 1] ** 2
    assert adjusted_r_squared(x[:, :1], y) == pytest.approx(1 - (1 - r2) * 199 / 198)
    assert math.isnan(adjusted_r_squared(x, np.ones(200)))
    for inputs, values in ((x[:6], y[:6]), (x, y[:-1]), (x[:, 0], y)):
        with pytest.raises(ValueError, match="n ≥ d"):
            adjusted_r_squared(inputs, values)


def test_adjusted_r_squared_has_no_bias_from_many_inputs():
    """Values that nothing explains: R² itself would be d/n = 1/4 on average."""
    draw = np.random.default_rng(1)
    found = [adjusted_r_squared(draw.normal(size=(80, 20)), draw.normal(size=80)) for _ in range(300)]
    assert abs(np.mean(found)) < 4 * np.std(found) / math.sqrt(300)

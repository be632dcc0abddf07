"""The ratio of two medians against closed forms, a loop and its coverage."""

import math

import numpy as np
import pytest

from purifyjax.stats import ratio_of_medians_interval


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

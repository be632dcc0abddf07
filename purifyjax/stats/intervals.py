"""Intervals for means, medians and their ratios."""

from __future__ import annotations

import math

import numpy as np
import scipy  # its parts load when they are used: that of statistics takes as long as all of jax
from numpy.typing import ArrayLike

from purifyjax.errors import ConfigError, require_count
from purifyjax.settings import real_array
from purifyjax.stats.inputs import flat_values, tail_of


def median_interval(values: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Interval for a median from order statistics, for any distribution.

    Of n independent values Bin(n, ½) lie below the median, so [x₍ᵣ₎, x₍ₙ₊₁₋ᵣ₎] covers it with
    probability at least 1 − 2·Pr[Bin(n, ½) ≤ r − 1]; r is the largest rank for which this reaches
    `confidence`.

    Args:
      values: n numbers, in any order.
      confidence: coverage, in (0, 1).

    Returns:
      `(low, high)`, in the units of `values`; (−∞, ∞) when n is too small for any rank to reach
      `confidence` (n < 6 at 95%).

    Raises:
      ConfigError: NaN among the values, or `confidence` out of range.

    Source: Thompson, Annals of Mathematical Statistics 7 (1936).
    """
    tail = tail_of(confidence)
    ordered = np.sort(flat_values(values))
    ranks = np.arange(1, len(ordered) // 2 + 1)
    rank = int(np.count_nonzero(scipy.stats.binom.cdf(ranks - 1, len(ordered), 0.5) <= tail))
    if rank == 0:
        return -math.inf, math.inf
    return float(ordered[rank - 1]), float(ordered[-rank])


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Student's interval for a mean over few independent runs, such as seeds.

        mean ± t_{n−1}(1 − α/2) · s / √n,    s² = Σ (x_i − mean)² / (n − 1)

    It is exact for normal values.

    Args:
      values: n numbers.
      confidence: coverage, in (0, 1).

    Returns:
      `(low, high)`, in the units of `values`; (−∞, ∞) for n < 2 or an infinite value, which say nothing about spread.

    Raises:
      ConfigError: NaN among the values, or `confidence` out of range.

    Source: Student, Biometrika 6 (1908).
    """
    tail = tail_of(confidence)
    sample = flat_values(values)
    if len(sample) < 2 or np.isinf(sample).any():
        return -math.inf, math.inf
    half = scipy.stats.t.isf(tail, len(sample) - 1) * sample.std(ddof=1) / math.sqrt(len(sample))
    return float(sample.mean() - half), float(sample.mean() + half)


def ratio_interval(parts: ArrayLike, wholes: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Interval for Σ a_i / Σ b_i over n independent pairs, such as counts within clusters (a ratio estimator).

        r = Σ a / Σ b,    r ± t_{n−1}(1 − α/2) · s √n / Σ b,    s² = Σ (a_i − r b_i)² / (n − 1)

    Counts of one cluster may depend on each other in any way. Pairs that all have the same ratio give an interval of
    no width.

    Args:
      parts, wholes: a and b, n numbers each, b ≥ 0.
      confidence: coverage, in (0, 1).

    Returns:
      `(low, high)`, pure numbers; (−∞, ∞) for n < 2, if all b are 0, or for an infinite value.

    Raises:
      ConfigError: unequal lengths, NaN among the values, a negative b, or `confidence` out of range.

    Source: Cochran, Sampling Techniques (1977), chapter 6.
    """
    tail = tail_of(confidence)
    a, b = flat_values(parts), flat_values(wholes)
    if a.shape != b.shape:
        raise ConfigError(f"parts and wholes must be of one length, got {a.shape} and {b.shape}")
    if (b < 0).any():
        raise ConfigError("wholes must not be negative")
    total = b.sum()
    if len(a) < 2 or total == 0 or np.isinf([a, b]).any():
        return -math.inf, math.inf
    ratio = a.sum() / total
    half = scipy.stats.t.isf(tail, len(a) - 1) * (a - ratio * b).std(ddof=1) * math.sqrt(len(a)) / total
    return float(ratio - half), float(ratio + half)


def two_level_interval(values: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Interval for a mean over seeds and points where every seed meets the same points (a crossed design).

    With value_si = μ + a_s + b_i + e_si, independent effects of the S seeds and the n points and an
    interaction e_si, the mean of all values has variance σ_a²/S + σ_b²/n + σ_e²/(S n). With s²_seed the
    variance of the S seed means and s²_point that of the n point means,

        V = s²_seed/S + s²_point/n,    mean ± t_ν(1 − α/2) · √V,
        ν = V² / ((s²_seed/S)²/(S − 1) + (s²_point/n)²/(n − 1)).

    E V = σ_a²/S + σ_b²/n + 2 σ_e²/(S n): both levels contain the interaction, which is counted twice, so
    that V is never too small in expectation. For normal effects the two parts of V are independent
    multiples of χ², and ν is Satterthwaite's number of degrees of freedom of their sum, between the
    smaller of S − 1 and n − 1 and S + n − 2. With two or three seeds ν is itself uncertain: 88% and 91%
    were covered at 95% where all three effects are of one size, 95% with five seeds. Values that all agree
    give an interval of no width, whatever the chance of others.

    Args:
      values: S × n numbers, a row a seed and a column a point, such as differences of two nets' successes.
      confidence: coverage, in (0, 1).

    Returns:
      `(low, high)`, in the units of `values`; (−∞, ∞) for fewer than 2 seeds or 2 points, or an infinite value.

    Raises:
      ConfigError: not a table, NaN among the values, or `confidence` out of range.

    Source: Searle, Casella & McCulloch, Variance Components (1992), chapter 4, for the model;
    Satterthwaite, Biometrics Bulletin 2 (1946), for ν.
    """
    tail = tail_of(confidence)
    table = real_array("values", values)
    if table.ndim != 2:
        raise ConfigError(f"values must be a table of seeds and points, got the shape {table.shape}")
    sample = flat_values(table)
    if min(table.shape) < 2 or np.isinf(sample).any():
        return -math.inf, math.inf
    counts = np.array(table.shape)
    parts = np.array([table.mean(axis=1).var(ddof=1), table.mean(axis=0).var(ddof=1)]) / counts
    variance = parts.sum()
    # In shares of the whole, whose squares do not underflow.
    shares = parts / variance if variance > 0 else np.ones(2)
    half = scipy.stats.t.isf(tail, 1 / np.sum(shares**2 / (counts - 1))) * math.sqrt(variance)
    return float(sample.mean() - half), float(sample.mean() + half)


def ratio_of_medians_interval(
    numerator: ArrayLike, denominator: ArrayLike, seed: int, *, resamples: int = 1000, confidence: float = 0.95
) -> tuple[float, float, float]:
    """|median of a| / |median of b| over n pairs (a_i, b_i), with the percentile bootstrap's interval over pairs.

    Args:
      numerator, denominator: a and b, n numbers each.
      seed: of the resampling, which is the same at every call.
      resamples: of the pairs.
      confidence: coverage, in (0, 1).

    Returns:
      `(value, low, high)`, pure numbers; all NaN without pairs, infinite or NaN where a median of b is 0.

    Raises:
      ConfigError: unequal lengths, NaN among the values, no resample, or `confidence` out of range.

    Source: Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
    """
    tail = tail_of(confidence)
    require_count("seed", seed, 0)
    require_count("resamples", resamples)
    for values in (numerator, denominator):
        flat_values(values)  # refuses NaN
    a, b = np.ravel(numerator), np.ravel(denominator)  # in their own precision
    if a.shape != b.shape:
        raise ConfigError(f"numerator and denominator must be of one length, got {a.shape} and {b.shape}")
    if not len(a):
        return math.nan, math.nan, math.nan
    pick = np.random.default_rng(seed).integers(0, len(a), (resamples, len(a)))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.abs(np.median(a[pick], axis=1)) / np.abs(np.median(b[pick], axis=1))
        low, high = np.quantile(ratios, [tail, 1 - tail])
        return float(abs(np.median(a)) / abs(np.median(b))), float(low), float(high)

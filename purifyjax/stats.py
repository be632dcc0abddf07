"""Intervals and fits: every number that is reported carries its uncertainty."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, overload

import numpy as np
import scipy  # its parts load when they are used: that of statistics takes as long as all of jax
from numpy.typing import ArrayLike, NDArray

from purifyjax.errors import ConfigError, require_count
from purifyjax.settings import real_array, require_confidence, whole

FloatArray = NDArray[np.float64]


class LineFit(NamedTuple):
    """A straight line y = slope · x + intercept, with the interval of its slope."""

    slope: float
    intercept: float
    slope_low: float
    slope_high: float


@overload
def clopper_pearson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]: ...
@overload
def clopper_pearson(
    successes: ArrayLike, trials: ArrayLike, confidence: float = 0.95
) -> tuple[FloatArray, FloatArray]: ...
def clopper_pearson(successes: ArrayLike, trials: ArrayLike, confidence: float = 0.95) -> tuple[Any, Any]:
    """Exact (Clopper-Pearson) interval for the probability of a binomial count.

    With s successes in n trials and α = 1 − confidence the ends solve

        Pr[Bin(n, low) ≥ s] = α/2    and    Pr[Bin(n, high) ≤ s] = α/2,

    low = 0 if s = 0 and high = 1 if s = n; both are quantiles of Beta distributions. It covers the
    true probability at least `confidence` of the time, whatever n and however close to 0 or 1.

    Args:
      successes, trials: whole numbers or arrays of them that broadcast, 0 ≤ successes ≤ trials and
        trials ≥ 1.
      confidence: coverage, in (0, 1).

    Returns:
      `(low, high)`: fractions in [0, 1], in the broadcast shape (scalars for scalars).

    Raises:
      ConfigError: a count is not whole or out of range, or `confidence` is.

    Source: Clopper & Pearson, Biometrika 26 (1934).
    """
    tail = _tail(confidence)
    s, n = _alike(successes=successes, trials=trials)
    # NaN and infinity are not whole either: both fail one of these comparisons.
    if not (np.all(s == np.round(s)) and np.all(n == np.round(n)) and np.all(np.isfinite(n))):
        raise ConfigError("successes and trials must be whole numbers")
    if not np.all(n >= 1):
        raise ConfigError(f"trials must be at least 1, got {n.min():g}")
    if not np.all((s >= 0) & (s <= n)):
        raise ConfigError("successes must lie between 0 and trials")
    # A Beta parameter of 0 is outside scipy's range: those ends are 0 and 1 by definition.
    low = np.where(s > 0, scipy.stats.beta.ppf(tail, np.maximum(s, 1), n - s + 1), 0.0)
    high = np.where(s < n, scipy.stats.beta.isf(tail, s + 1, np.maximum(n - s, 1)), 1.0)
    return (float(low), float(high)) if low.ndim == 0 else (low, high)


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
    tail = _tail(confidence)
    ordered = np.sort(_values(values))
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
    tail = _tail(confidence)
    sample = _values(values)
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
    tail = _tail(confidence)
    a, b = _values(parts), _values(wholes)
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
    tail = _tail(confidence)
    table = real_array("values", values)
    if table.ndim != 2:
        raise ConfigError(f"values must be a table of seeds and points, got the shape {table.shape}")
    sample = _values(table)
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
    tail = _tail(confidence)
    require_count("seed", seed, 0)
    require_count("resamples", resamples)
    for values in (numerator, denominator):
        _values(values)  # refuses NaN
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


def paired_difference_interval(
    lost: ArrayLike, gained: ArrayLike, trials: ArrayLike, confidence: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Interval for the difference of two shares on the same n points, of which one loses l and gains g.

        p_l = (l + 1)/(n + 2),    p_g = (g + 1)/(n + 2),    p_l − p_g ± z √((p_l + p_g − (p_l − p_g)²)/(n + 2)).

    Args:
      lost, gained: l and g, counts of points that only the other, or only this one, gets right.
      trials: n.
      confidence: coverage, in (0, 1).

    Returns:
      `(low, high)`, shares of points, in the broadcast shape.

    Raises:
      ConfigError: counts below 0 or together above the trials, or `confidence` out of range.

    Source: Bonett & Price, Journal of Educational and Behavioral Statistics 37 (2012).
    """
    z = scipy.stats.norm.isf(_tail(confidence))
    less, more, n = _alike(lost=lost, gained=gained, trials=trials)
    if not (np.all(whole(less) & whole(more) & (less + more <= n)) and np.isfinite(n).all()):  # NaN fails too
        raise ConfigError("lost and gained must be counts of different points out of the trials")
    n = n + 2
    p_lost, p_gained = (less + 1) / n, (more + 1) / n
    middle = p_lost - p_gained
    half = z * np.sqrt((p_lost + p_gained - middle**2) / n)
    return middle - half, middle + half


def adjusted_r_squared(inputs: ArrayLike, values: ArrayLike) -> float:
    """The share of the variance of values that the best linear function of the inputs explains, without its bias.

        1 − (1 − R²)(n − 1)/(n − d − 1),    R² = 1 − Σ (y_i − ⟨a, x_i⟩ − a₀)² / Σ (y_i − ȳ)²

    Args:
      inputs: x, n × d numbers with n > d + 1.
      values: y, n numbers.

    Returns:
      At most 1, below 0 where chance fits worse than a constant; NaN for equal values.

    Raises:
      ConfigError: fewer than d + 2 points, or shapes that do not fit.
    """
    x, y = real_array("inputs", inputs), real_array("values", values)
    if x.ndim != 2 or y.shape != x.shape[:1] or len(x) < x.shape[1] + 2:
        raise ConfigError(f"inputs must be n × d with n ≥ d + 2 and values n numbers, got {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ConfigError("inputs and values must be finite")
    x, y = x - x.mean(axis=0), y - y.mean()
    total = float(y @ y)
    if total == 0:
        return math.nan
    rest = y - x @ np.linalg.lstsq(x.T @ x, x.T @ y, rcond=None)[0]
    n, d = x.shape
    return 1.0 - float(rest @ rest) / total * (n - 1) / (n - d - 1)


def weighted_line_fit(x: ArrayLike, y: ArrayLike, y_error: ArrayLike, confidence: float = 0.95) -> LineFit:
    """Weighted least squares line, for exponents: fit log(radius) against log(d).

    With weights W_i = 1/σ_i², x̄ and ȳ the weighted means and S = Σ W_i (x_i − x̄)²,

        slope = Σ W_i (x_i − x̄)(y_i − ȳ) / S,    intercept = ȳ − slope · x̄.

    The half-width of the slope's interval is the larger of two: z(1 − α/2)/√S, which trusts the stated
    errors, and t_{n−2}(1 − α/2)·√(χ²/(n − 2))/√S, which takes the spread about the line instead and
    so widens when the points are not on a line within their errors. Two points have no spread about
    their line; the first alone counts then.

    Args:
      x, y: n ≥ 2 points with at least two different x. For an exponent both are logarithms.
      y_error: standard errors σ_i > 0 of y, in its units (for logarithms: relative errors).
      confidence: coverage of the slope's interval, in (0, 1).

    Raises:
      ConfigError: unequal lengths, fewer than two points, equal x, a number that is not finite, an
        error that is not positive, or `confidence` out of range.
    """
    tail = _tail(confidence)
    xs, ys, errors = (real_array(name, a) for name, a in (("x", x), ("y", y), ("y_error", y_error)))
    if xs.ndim != 1 or xs.shape != ys.shape or xs.shape != errors.shape:
        raise ConfigError(f"x, y and y_error must be lists of one length, got {xs.shape}, {ys.shape}, {errors.shape}")
    if len(xs) < 2 or np.ptp(xs) == 0:
        raise ConfigError("a line needs two points with different x")
    if not (np.isfinite(xs).all() and np.isfinite(ys).all() and np.isfinite(errors).all()):
        raise ConfigError("x, y and y_error must be finite")
    if not (errors > 0).all():
        raise ConfigError(f"y_error must be positive, got {errors.min():g}")
    weights = errors**-2.0
    x_mean, y_mean = np.average(xs, weights=weights), np.average(ys, weights=weights)
    spread = np.sum(weights * (xs - x_mean) ** 2)
    slope = np.sum(weights * (xs - x_mean) * (ys - y_mean)) / spread
    intercept = y_mean - slope * x_mean
    half = scipy.stats.norm.isf(tail) / math.sqrt(spread)
    freedom = len(xs) - 2
    if freedom:
        chi_square = np.sum(weights * (ys - intercept - slope * xs) ** 2)
        half = max(half, scipy.stats.t.isf(tail, freedom) * math.sqrt(chi_square / freedom / spread))
    return LineFit(float(slope), float(intercept), float(slope - half), float(slope + half))


def _tail(confidence: float) -> float:
    """Probability left out on each side."""
    require_confidence(confidence)
    return (1 - confidence) / 2


def _values(values: ArrayLike) -> FloatArray:
    array = real_array("values", values).ravel()
    if np.isnan(array).any():
        raise ConfigError("values must not contain NaN")
    return array


def _alike(**counts: ArrayLike) -> tuple[FloatArray, ...]:
    """The counts as arrays of one shape."""
    arrays = [real_array(name, values) for name, values in counts.items()]
    try:
        return tuple(np.broadcast_arrays(*arrays))
    except ValueError as error:
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise ConfigError(f"{', '.join(counts)} must be of one shape, got {shapes}") from error

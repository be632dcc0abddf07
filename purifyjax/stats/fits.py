"""Linear fits: a weighted line with the interval of its slope, and the share that a linear function explains."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import scipy  # its parts load when they are used: that of statistics takes as long as all of jax
from numpy.typing import ArrayLike

from purifyjax.errors import ConfigError
from purifyjax.settings import real_array
from purifyjax.stats.inputs import tail_of


class LineFit(NamedTuple):
    """A straight line y = slope · x + intercept, with the interval of its slope."""

    slope: float
    intercept: float
    slope_low: float
    slope_high: float


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
    tail = tail_of(confidence)
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


def adjusted_r_squared(inputs: ArrayLike, values: ArrayLike) -> Any:
    """The share of the variance of values that the best linear function of the inputs explains, without its bias.

        1 − (1 − R²)(n − 1)/(n − d − 1),    R² = 1 − Σ (y_i − ⟨a, x_i⟩ − a₀)² / Σ (y_i − ȳ)²

    Args:
      inputs: x, n × d numbers with n > d + 1.
      values: y, n numbers, or rows of as many, each for itself.

    Returns:
      At most 1, below 0 where chance fits worse than a constant; NaN for equal values. A number, or one a row.

    Raises:
      ConfigError: fewer than d + 2 points, or shapes that do not fit.
    """
    x, y = real_array("inputs", inputs), real_array("values", values)
    if x.ndim != 2 or y.ndim not in (1, 2) or y.shape[-1:] != x.shape[:1] or len(x) < x.shape[1] + 2:
        raise ConfigError(f"inputs must be n × d with n ≥ d + 2 and values n numbers, got {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ConfigError("inputs and values must be finite")
    x, y = x - x.mean(axis=0), y - y.mean(axis=-1, keepdims=True)
    rest = y.T - x @ np.linalg.lstsq(x.T @ x, x.T @ y.T, rcond=None)[0]
    total, left = np.sum(y**2, axis=-1), np.sum(rest**2, axis=0)
    n, d = x.shape
    found = 1.0 - left / np.where(total > 0, total, np.nan) * (n - 1) / (n - d - 1)
    return found if found.ndim else float(found)

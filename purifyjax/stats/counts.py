"""Intervals for shares of points, from their counts."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
import scipy  # its parts load when they are used: that of statistics takes as long as all of jax
from numpy.typing import ArrayLike

from purifyjax.errors import ConfigError
from purifyjax.settings import whole
from purifyjax.stats.inputs import FloatArray, same_shape, tail_of


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
    tail = tail_of(confidence)
    s, n = same_shape(successes=successes, trials=trials)
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
    z = scipy.stats.norm.isf(tail_of(confidence))
    less, more, n = same_shape(lost=lost, gained=gained, trials=trials)
    if not (np.all(whole(less) & whole(more) & (less + more <= n)) and np.isfinite(n).all()):  # NaN fails too
        raise ConfigError("lost and gained must be counts of different points out of the trials")
    n = n + 2
    p_lost, p_gained = (less + 1) / n, (more + 1) / n
    middle = p_lost - p_gained
    half = z * np.sqrt((p_lost + p_gained - middle**2) / n)
    return middle - half, middle + half

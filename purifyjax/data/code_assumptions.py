"""Whether codes meet the assumptions of sparse coding: sparse, symmetric, independent, of even energy.

The theory of feature purification wants coordinates z_j that are independent and symmetric, |z_j| ∈ {0} ∪ [1/√k, 1],
E z_j² = Θ(1/d) and so ‖z‖₀ = Θ(k) (Allen-Zhu & Li, arXiv 2005.10190).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Bool, Float

from purifyjax.errors import require, require_real
from purifyjax.stats import clopper_pearson

LEVEL = 0.05  # of false discoveries among the coordinates or pairs that a test calls significant
VALUE_MAX = 3.0  # c of the theory's member that codes are compared with: |z_j| uniform in [1/√k, c/√k]


class Assumptions(NamedTuple):
    """What there is to say; shares are fractions, pairs are those of j < j' in `numpy.triu_indices(d, 1)`'s order.

    Attributes:
      nonzeros: share of the codes with ‖z‖₀ = 0, …, d.
      independent_nonzeros: the same if coordinates with these rates were independent (Poisson binomial).
      mean_nonzeros: E ‖z‖₀ = Σ p_j, with p_j = Pr[z_j ≠ 0].
      dispersion: Var ‖z‖₀ / Σ p_j (1 − p_j), 1 for independent supports.
      rate: p_j.
      positive, positive_low, positive_high: Pr[z_j > 0 | z_j ≠ 0] (½ where z_j never is non-zero), and its exact 95%
        interval from the rows that are apart.
      asymmetric: share of coordinates whose Pr[z_j > 0 | z_j ≠ 0] differs significantly from ½.
      second_moment: E z_j² over its mean over j.
      kurtosis: E z_j⁴ / (E z_j²)², 3 for a Gaussian (NaN where z_j is always 0).
      small: share of the non-zero |z_j| below 1/√k, for codes scaled to E ‖z‖² of the theory's member.
      correlation: E z_j z_j' / √(E z_j² E z_j'²) of every pair, 0 for independent symmetric ones.
      correlated: share of pairs whose values are significantly correlated.
      lift: Pr[z_j ≠ 0, z_j' ≠ 0] / (p_j p_j') of every pair, 1 for independent ones.
      associated: share of pairs whose supports are significantly dependent.
    """

    nonzeros: Float[np.ndarray, " count"]
    independent_nonzeros: Float[np.ndarray, " count"]
    mean_nonzeros: float
    dispersion: float
    rate: Float[np.ndarray, " dim"]
    positive: Float[np.ndarray, " dim"]
    positive_low: Float[np.ndarray, " dim"]
    positive_high: Float[np.ndarray, " dim"]
    asymmetric: float
    second_moment: Float[np.ndarray, " dim"]
    kurtosis: Float[np.ndarray, " dim"]
    small: float
    correlation: Float[np.ndarray, " pair"]
    correlated: float
    lift: Float[np.ndarray, " pair"]
    associated: float


def assumptions(codes: Float[np.ndarray, "n dim"], apart: Bool[np.ndarray, " n"] | None = None) -> Assumptions:
    """Measure all of them; significance is by Benjamini and Hochberg's procedure, at most 5% false discoveries.

    The tests are exact or conservative at any number of rows: a binomial test of every coordinate's signs; for the
    supports of a pair Fisher's test, two-sided by doubling; for the values of a pair the self-normalised sum
    T = Σ z_j z_j' / √Σ (z_j z_j')², with Pr[|T| ≥ t] ≤ 2 exp(−t²/2) if signs are fair coins (Hoeffding).

    Args:
      codes: z, a row each.
      apart: rows that may be taken for independent draws, patches that do not overlap say: tests and intervals use
        these alone, sizes of effects all rows. None: all.

    Raises:
      ConfigError: fewer than two codes or coordinates, codes that are all 0, not finite, or no rows apart.

    Source: Benjamini & Hochberg, Journal of the Royal Statistical Society B 57 (1995).
    """
    codes = np.asarray(codes)
    several = codes.ndim == 2 and min(codes.shape) >= 2
    require(several, "shape of the codes", codes.shape, "at least two rows and columns")
    if apart is not None:
        shape = np.shape(apart)
        require(shape == codes.shape[:1], "shape of the rows apart", shape, f"{codes.shape[:1]}, a truth value a row")
    require_real("codes", codes, "finite numbers")
    require(np.any(codes), "codes", "0", "not all 0")
    tested = codes if apart is None else codes[np.asarray(apart, bool)]
    require(len(tested) >= 1, "rows apart", len(tested), "at least one")
    n, d = codes.shape
    support = codes != 0
    count = support.sum(axis=1)
    rate = support.mean(axis=0)
    positive, spread = (codes > 0).mean(axis=0), np.sum(rate * (1 - rate))
    low, high, sign_p = _signs(tested)
    square = np.square(codes, dtype=np.float64)
    moment, fourth = square.mean(axis=0), np.square(square).mean(axis=0)
    pairs = np.triu_indices(d, 1)
    products = (codes.T @ codes)[pairs] / n
    together = (support.T.astype(np.float32) @ support.astype(np.float32))[pairs] / n
    with np.errstate(divide="ignore", invalid="ignore"):
        lift = together / (rate[pairs[0]] * rate[pairs[1]])
        correlation = products / np.sqrt(moment[pairs[0]] * moment[pairs[1]])
        kurtosis = fourth / moment**2
    return Assumptions(
        nonzeros=np.bincount(count, minlength=d + 1) / n,
        independent_nonzeros=poisson_binomial(rate),
        mean_nonzeros=float(rate.sum()),
        dispersion=float(count.var() / spread) if spread > 0 else math.nan,
        rate=rate,
        positive=np.where(rate > 0, positive / np.where(rate > 0, rate, 1), 0.5),
        positive_low=low,
        positive_high=high,
        asymmetric=_discoveries(sign_p),
        second_moment=moment / moment.mean(),
        kurtosis=kurtosis,
        small=float(np.mean(np.abs(codes[support]) < smallest_value(float(rate.sum()), float(moment.sum())))),
        correlation=correlation,
        correlated=_discoveries(_value_p(tested)),
        lift=lift,
        associated=_discoveries(_support_p(tested)),
    )


def poisson_binomial(rate: Float[np.ndarray, " dim"]) -> Float[np.ndarray, " count"]:
    """Probabilities of 0, …, d successes in independent trials of these rates."""
    chances = np.ones(1)
    for p in rate:
        chances = np.convolve(chances, [1 - p, p])
    return chances


def _signs(codes: Float[np.ndarray, "n dim"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every coordinate: the ends of the interval of Pr[z_j > 0 | z_j ≠ 0], and the p-value of ½."""
    positive, trials = np.sum(codes > 0, axis=0), np.sum(codes != 0, axis=0)
    low, high = clopper_pearson(np.minimum(positive, trials), np.maximum(trials, 1))
    least = np.minimum(positive, trials - positive)
    p = np.where(trials > 0, 2 * scipy.stats.binom.cdf(least, trials, 0.5), 1.0)
    return np.where(trials > 0, low, 0.0), np.where(trials > 0, high, 1.0), np.minimum(p, 1.0)


def _support_p(codes: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, " pair"]:
    """Of every pair of coordinates: Fisher's p-value of independent supports."""
    support = (codes != 0).astype(np.float32)
    first, second = np.triu_indices(codes.shape[1], 1)
    together = np.round((support.T @ support)[first, second]).astype(int)
    count = np.round(support.sum(axis=0)).astype(int)
    # Many pairs have the same three counts.
    tables, place = np.unique(np.stack([together, count[first], count[second]]), axis=1, return_inverse=True)
    law = scipy.stats.hypergeom(len(codes), tables[1], tables[2])
    return np.minimum(2 * np.minimum(law.cdf(tables[0]), law.sf(tables[0] - 1)), 1.0)[place.ravel()]


def _value_p(codes: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, " pair"]:
    """Of every pair of coordinates: a bound of the p-value of signs that are fair coins."""
    pairs = np.triu_indices(codes.shape[1], 1)
    square = np.square(codes)
    energy = (square.T @ square)[pairs]
    t2 = np.square((codes.T @ codes)[pairs]) / np.where(energy > 0, energy, 1)
    return np.minimum(2 * np.exp(-t2 / 2), 1.0)


def _discoveries(p: Float[np.ndarray, " test"]) -> float:
    return float(np.mean(scipy.stats.false_discovery_control(p) <= LEVEL))


def smallest_value(mean_nonzeros: float, energy: float) -> float:
    """1/√k in the units of codes with k = E ‖z‖₀ and this E ‖z‖².

    The theory's member with |z_j| uniform in [1/√k, c/√k] has E ‖z‖² = (c² + c + 1)/3 in its own units.
    """
    return math.sqrt(energy / ((VALUE_MAX**2 + VALUE_MAX + 1) / 3) / mean_nonzeros)

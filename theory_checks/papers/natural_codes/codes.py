"""What codes are like, as tidy rows, with intervals over the squares of the pictures that they come from."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from purifyjax.data.code_assumptions import Assumptions, assumptions, smallest_value
from purifyjax.data.natural import Half
from theory_checks.papers.natural_codes.config import CodeStatistics
from theory_checks.papers.natural_codes.tables import CODES


class _Sums(NamedTuple):
    """Sums over rows, with a leading axis of regions."""

    rows: np.ndarray
    count: np.ndarray
    count_square: np.ndarray
    small: np.ndarray
    nonzero: np.ndarray
    positive: np.ndarray
    square: np.ndarray
    product: np.ndarray
    together: np.ndarray

    def weighted(self, weight: np.ndarray) -> _Sums:
        """Sums over regions with these weights."""
        return _Sums(*(np.tensordot(weight, part, 1) for part in self))


def code_table(kind: str, train: Half, evaluation: Half, statistics: CodeStatistics, resamples: int) -> pd.DataFrame:
    """Rows of `CODES` about the evaluation half.

    Single numbers, in this order: the share of non-zero coordinates; Var ‖z‖₀ over that of independent supports; mean
    over j of |Pr[z_j > 0 | z_j ≠ 0] − ½|; share of coordinates of even energy; share of small values; the spread over
    pairs of their correlation and of their lift; shares of significant tests. A spread is the root of the covariance
    of the two halves' estimates: what they agree on, since noise is independent between pictures' squares.

    Args:
      resamples: of the squares (bootstrap), for the intervals; 0 for codes that have none, controls say.
    """
    found = assumptions(evaluation.codes, evaluation.apart)
    energy = float(np.mean(np.sum(np.square(evaluation.codes), axis=1)))
    unit = smallest_value(found.mean_nonzeros, energy)
    # Mirror images would count every pair of a symmetric and an antisymmetric atom twice, with opposite signs.
    own = np.s_[: train.patches]
    halves = [_sums(evaluation.codes, evaluation.region, unit), _sums(train.codes[own], train.region[own], unit)]
    rng = np.random.default_rng(statistics.seed)

    def numbers(weights: list[np.ndarray]) -> dict[str, float]:
        own, other = (half.weighted(weight) for half, weight in zip(halves, weights, strict=True))
        return _numbers(own, other, statistics.even)

    draws = [numbers([_resampled(half, rng) for half in halves]) for _ in range(resamples)]
    rows = []
    for name, value in numbers([np.ones(len(half.rows)) for half in halves]).items():
        ends = np.nanquantile([draw[name] for draw in draws], [0.025, 0.975]) if draws else (math.nan, math.nan)
        rows.append((name, 0, value, *ends))
    for name in ("asymmetric", "correlated", "associated"):
        rows.append((name, 0, getattr(found, name), math.nan, math.nan))
    rows.append(("rows apart", 0, int(evaluation.apart.sum()), math.nan, math.nan))
    table = pd.DataFrame(rows, columns=["quantity", "index", "value", "low", "high"])
    table = pd.concat([table, *_distributions(found, statistics.lift_edges)], ignore_index=True)
    return CODES.checked(table.assign(experiment=kind))


def _resampled(sums: _Sums, rng: np.random.Generator) -> np.ndarray:
    """How often each region is drawn."""
    regions = len(sums.rows)
    return rng.multinomial(regions, np.full(regions, 1 / regions)).astype(float)


def _sums(codes: np.ndarray, region: np.ndarray, unit: float) -> _Sums:
    parts = []
    for name in np.unique(region):
        z = codes[region == name]
        indicator = (z != 0).astype(np.float32)
        product, together = z.T @ z, indicator.T @ indicator
        count = indicator.sum(axis=1, dtype=np.float64)
        small = np.count_nonzero(np.abs(z) < unit) - np.count_nonzero(z == 0)
        totals = (len(z), count.sum(), np.square(count).sum(), small)
        parts.append((*totals, np.diag(together), np.sum(z > 0, axis=0), np.diag(product), product, together))
    return _Sums(*(np.stack(part).astype(float) for part in zip(*parts, strict=True)))


def _numbers(own: _Sums, other: _Sums, even: float) -> dict[str, float]:
    """The single numbers, from the sums of the half that is described and of the other."""
    rate = own.nonzero / own.rows
    variance = own.count_square / own.rows - (own.count / own.rows) ** 2
    seen = own.nonzero > 0
    energy = own.square / own.square.mean()
    pairs = np.triu_indices(len(rate), 1)
    return {
        "nonzero share": float(rate.mean()),
        "dispersion": float(variance / np.sum(rate * (1 - rate))),
        "asymmetry": float(np.mean(np.abs(own.positive[seen] / own.nonzero[seen] - 0.5))),
        "even energy": float(np.mean((energy >= 1 / even) & (energy <= even))),
        "small": float(own.small / own.count),
        "correlation spread": _agreed(_correlation(own)[pairs], _correlation(other)[pairs]),
        "lift spread": _agreed(_lift(own)[pairs], _lift(other)[pairs]),
    }


def _correlation(sums: _Sums) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return sums.product / np.sqrt(np.outer(sums.square, sums.square))


def _lift(sums: _Sums) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return sums.together * sums.rows / np.outer(sums.nonzero, sums.nonzero)


def _agreed(one: np.ndarray, other: np.ndarray) -> float:
    """√(covariance of two estimates), of the pairs that both know (0 if it is negative)."""
    known = np.isfinite(one) & np.isfinite(other)
    if known.sum() < 2:
        return math.nan
    return math.sqrt(max(float(np.cov(one[known], other[known])[0, 1]), 0.0))


def _distributions(found: Assumptions, edges: np.ndarray) -> list[pd.DataFrame]:
    """Quantities of every coordinate, the distribution of ‖z‖₀, and a histogram of the lifts."""
    index = np.arange(len(found.rate))
    frames = [
        pd.DataFrame({"quantity": "positive", "index": index, "value": found.positive}).assign(
            low=found.positive_low, high=found.positive_high
        )
    ]
    for name in ("rate", "second_moment", "kurtosis"):
        frames.append(pd.DataFrame({"quantity": name.replace("_", " "), "index": index, "value": getattr(found, name)}))
    for name in ("nonzeros", "independent_nonzeros"):
        shares = getattr(found, name)
        rows = {"quantity": name.replace("_", " "), "index": np.arange(len(shares)), "value": shares}
        frames.append(pd.DataFrame(rows))
    lift = found.lift[np.isfinite(found.lift)]
    shares = np.histogram(np.clip(lift, *edges[[0, -1]]), edges)[0] / max(len(lift), 1)
    frames.append(pd.DataFrame({"quantity": "lift", "index": (edges[:-1] + edges[1:]) / 2, "value": shares}))
    return frames

"""What claims are made of: accuracies, medians, fractions, differences, each with its interval a seed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from purifyjax.stats import mean_interval, median_interval, two_level_interval
from purifyjax.stats.sequential import spending
from theory_checks.evidence import Evidence
from theory_checks.measuring.attacked import ROBUSTNESS
from theory_checks.verdict import Measurement, Relation, SeedValue

Groups = Iterable[tuple[int | None, pd.DataFrame]]  # seeds with rows of theirs; None for rows of no seed

_ATTACKS = {
    "noise": "random noise",
    "universal": "the universal direction",
    "fgm": "FGM",
    "pgd": "PGD",
    "worst": "the worst case of all attacks",
}


def accuracy(
    evidence: Evidence, net: str, attack: str, relation: Relation, bound: float, radius: float | None = None
) -> Measurement:
    """Share of fresh points classified rightly under an attack at τ, with Clopper–Pearson intervals a seed."""
    tau = 0.0 if attack == "none" else evidence.config.radius if radius is None else radius
    table = evidence[ROBUSTNESS]
    rows = table[(table.net == net) & (table.attack == attack) & np.isclose(table.radius, tau)]
    # The claims' own evaluation uses more points than the curve does at the same radius.
    rows = rows.sort_values("points").groupby("seed").tail(1).sort_values("seed")
    kind = "clean accuracy" if attack == "none" else f"accuracy under {_ATTACKS[attack]} at τ = {tau:g}"
    return share(f"{kind}, {net} net", relation, bound, rows.seed, rows.correct, rows.points, rows.spent)


def share(
    quantity: str,
    relation: Relation,
    bound: float,
    seed: pd.Series,
    count: pd.Series,
    points: pd.Series,
    spent: pd.Series | None = None,
    **more: Any,
) -> Measurement:
    """Shares of points with their Clopper–Pearson intervals, a seed each.

    Args:
      spent: share of an interval's error that each may spend, where points came in blocks; all of it if None.
    """
    return Measurement(quantity, relation, bound, shares(seed, count, points, spent), unit="share of points", **more)


def shares(
    seed: pd.Series, count: pd.Series, points: pd.Series, spent: pd.Series | None = None
) -> tuple[SeedValue, ...]:
    """A share and its exact interval for every seed."""
    found, totals = count.to_numpy(np.int64), points.to_numpy(np.int64)
    error = np.ones(len(found)) if spent is None else spent.fillna(1.0).to_numpy(float)
    return tuple(
        SeedValue.of(int(s), c / n, partial(spending, int(c), int(n), float(w)))
        for s, c, n, w in zip(seed, found, totals, error, strict=True)
    )


def median(groups: Groups, column: str, quantity: str, relation: Relation, bound: float, unit: str = "") -> Measurement:
    """Median of a column over each seed's rows, with order-statistic intervals a seed."""
    seeds = []
    for seed, rows in groups:
        values = rows[column].to_numpy()
        value = float(np.median(values)) if len(values) else math.nan
        seeds.append(SeedValue.of(seed, value, partial(median_interval, values)))
    return Measurement(quantity, relation, bound, tuple(seeds), unit=unit)


def mean(groups: Groups, column: str, quantity: str, relation: Relation, bound: float, unit: str = "") -> Measurement:
    """Mean of a column over each seed's rows, with Student's interval a seed."""
    seeds = (SeedValue.of(s, rows[column].mean(), partial(mean_interval, rows[column])) for s, rows in groups)
    return Measurement(quantity, relation, bound, tuple(seeds), unit=unit)


def fraction(
    groups: Iterable[tuple[int, np.ndarray]], quantity: str, relation: Relation, bound: float, unit: str
) -> Measurement:
    """Share of a seed's rows with a property, all of which are there: neurons of a net are enumerated, not sampled.

    The share is exact and its interval a point; what a seed is a sample of is trainings. Without rows it is unknown.

    Args:
      groups: seeds with whether each row has it.
      unit: what the rows are, "share of neurons" say.
    """
    shares = ((seed, float(np.mean(holds)) if len(holds) else math.nan) for seed, holds in groups)
    return exact(quantity, relation, bound, shares, unit)


def exact(
    quantity: str, relation: Relation, bound: float, values: Iterable[tuple[int, float]], unit: str = ""
) -> Measurement:
    """Numbers that are known and not estimated: their intervals are points."""
    seeds = tuple(SeedValue(int(s), float(v), float(v), float(v)) for s, v in values)
    return Measurement(quantity, relation, bound, seeds, unit=unit)


def effect(
    values: np.ndarray, seeds: list[int], quantity: str, relation: Relation, bound: float, unit: str = ""
) -> Measurement:
    """A mean over seeds and points, judged by its two-level interval.

    Args:
      values: [seed, point].
    """
    if not values.size:
        return Measurement(quantity, relation, bound, (), unit=unit)
    found = (SeedValue.of(int(s), v.mean(), partial(mean_interval, v)) for s, v in zip(seeds, values, strict=True))
    mean_of_all = SeedValue.of(None, values.mean(), partial(two_level_interval, values))
    return Measurement(quantity, relation, bound, tuple(found), effect=mean_of_all, unit=unit)

"""Exponents: slopes of logarithms against log d, by weighted least squares over all cells of every size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from purifyjax.stats import LineFit, weighted_line_fit
from theory_checks.evidence import Evidence
from theory_checks.papers.scaling.tables import SCALING
from theory_checks.verdict import Measurement, SeedValue

Quantity = Callable[[pd.DataFrame], pd.Series]
TOLERANCE = 0.1  # of an exponent: sizes are finite, k is a whole number


def radius(net: str) -> Quantity:
    """r, at which half of the points fall."""
    return lambda rows: rows[f"radius_{net}"]


def memory(net: str) -> Quantity:
    """|cos(w, w⁰)|, the median over neurons."""
    return lambda rows: rows[f"memory_{net}"]


def gap(rows: pd.DataFrame) -> pd.Series:
    """r_robust/r_clean."""
    return rows.radius_robust / rows.radius_clean


def slope_of(rows: pd.DataFrame, quantity: Quantity, confidence: float = 0.95) -> LineFit:
    """log q against log d; a cell's scatter about the mean of its size is taken to be the same at all sizes.

    Seeds and replicas are alike here: each is a net of its own. The interval is the wider of that of the scatter and
    that of the means about the line, see `weighted_line_fit`.
    """
    logs = pd.DataFrame({"d": rows.dimension, "q": np.log(quantity(rows).to_numpy(float))})
    by = logs.groupby("d").q
    within = by.transform("mean")
    freedom = max(len(logs) - by.ngroups, 1)
    scatter = max(float(np.sqrt(((logs.q - within) ** 2).sum() / freedom)), 1e-9)
    means, counts = by.mean(), by.size()
    return weighted_line_fit(np.log(means.index), means, scatter / np.sqrt(counts), confidence)


def of_k(rows: pd.DataFrame) -> float:
    """The exponent of k itself over these sizes, where whole numbers make it another than a."""
    sizes = rows.groupby("dimension").sparsity.first()
    return float(np.polyfit(np.log(sizes.index), np.log(sizes), 1)[0])


def exponent(rows: pd.DataFrame, quantity: Quantity) -> SeedValue:
    """The exponent with its interval; of no single seed."""

    def interval(confidence: float) -> tuple[float, float]:
        fit = slope_of(rows, quantity, confidence)
        return fit.slope_low, fit.slope_high

    return SeedValue.of(None, slope_of(rows, quantity).slope, interval)


def within(evidence: Evidence, name: str, quantity: Quantity, predicted: Quantity) -> tuple[Measurement, ...]:
    """The exponent of a quantity over its prediction, for every a: two bounds of one interval.

    What is predicted is a power of d and k, with the whole k of each size: rounding it bends no line.

    Args:
      predicted: the same quantity up to a constant.
    """
    parts: list[Measurement] = []
    for a, rows in evidence[SCALING].groupby("exponent"):
        value = exponent(rows, lambda own: quantity(own) / predicted(own))
        what = f"exponent in d of {name} over its prediction, k ~ d^{a:g}"
        parts.append(Measurement(what, ">=", -TOLERANCE, (value,)))
        parts.append(Measurement(what, "<=", TOLERANCE, (value,)))
    return tuple(parts)


def told(evidence: Evidence, quantity: Quantity) -> str:
    """The exponents with their intervals, in words."""
    found = []
    for a, rows in evidence[SCALING].groupby("exponent"):
        fit = slope_of(rows, quantity)
        found.append(f"a = {a:g} (of k: {of_k(rows):.3f}): {fit.slope:.3f} [{fit.slope_low:.3f}, {fit.slope_high:.3f}]")
    return f"Exponents: {'; '.join(found)}."


def constant(evidence: Evidence) -> str:
    """Where C of the clean nets goes: radii drift with it."""
    means = evidence[SCALING].groupby(["exponent", "dimension"]).mixture_clean.mean()
    rows = [f"a = {a:g}: {', '.join(f'{c:.2f}' for c in own)}" for a, own in means.groupby(level=0)]
    return f"C of the clean nets over d: {'; '.join(rows)}."

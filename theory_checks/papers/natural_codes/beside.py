"""Quantities on real codes beside those on the controls.

The theorem says nothing about codes that break its assumptions. Two controls by the same recipe tell what a miss is due
to: the theory's own codes, as many of them (size and recipe), and the real ones with every coordinate shuffled over the
samples (the values' own distributions; what is left is dependence).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from theory_checks.evidence import Evidence
from theory_checks.measuring.attacked import ROBUSTNESS
from theory_checks.papers.natural_codes.config import IDEAL, REAL, SHUFFLED
from theory_checks.papers.natural_codes.tables import CODE_SETS
from theory_checks.quantities import accuracy
from theory_checks.verdict import Measurement, Relation, SeedValue

SLACK = 0.01  # accuracy on real codes may be worse than on the theory's by this much; ours, as all bounds on codes
SOURCE = "Allen-Zhu & Li, Feature Purification (arXiv 2005.10190)"
NAMES = {REAL: "real", SHUFFLED: "shuffled", IDEAL: "the theory's own"}


def of(evidence: Evidence, kind: str) -> Evidence:
    """The evidence on one kind of codes."""
    return evidence.only(experiment=kind)


def radius(evidence: Evidence) -> float:
    """τ, at which nets on all kinds of codes are judged."""
    return float(evidence[CODE_SETS].radius.iloc[0])


def accuracy_at(evidence: Evidence, net: str, attack: str, relation: Relation, bound: float) -> Measurement:
    """Accuracy without an attack ("none"), or under one at τ."""
    return accuracy(evidence, net, attack, relation, bound, radius(evidence))


def judged(evidence: Evidence, *measures: Callable[[Evidence], Measurement]) -> tuple[Measurement, ...]:
    """Quantities on real codes; missing a bound that the theory's own codes miss as well refutes nothing."""
    parts = []
    for measure in measures:
        part, control = measure(of(evidence, REAL)), measure(of(evidence, IDEAL))
        parts.append(replace(part, refutable=part.refutable and control.outcome == "holds"))
    return tuple(parts)


def beside_ideal(evidence: Evidence, net: str, relation: Relation, bound: float) -> Measurement:
    """Worst-case accuracy at τ on real codes less that on the theory's own, by the seeds that both have.

    The interval is that of the ends of both seeds' exact intervals, so it covers more often than 95%.
    """
    sides = [accuracy_at(of(evidence, kind), net, "worst", relation, bound) for kind in (REAL, IDEAL)]
    real, ideal = ({value.seed: value for value in side.seeds} for side in sides)

    def difference(seed: int | None, confidence: float) -> tuple[float, float]:
        (low, high), (other_low, other_high) = real[seed].at(confidence), ideal[seed].at(confidence)
        return low - other_high, high - other_low

    seeds = tuple(
        SeedValue.of(seed, value.value - ideal[seed].value, partial(difference, seed))
        for seed, value in real.items()
        if seed in ideal
    )
    quantity = f"{sides[0].quantity}: real codes less the theory's own"
    return Measurement(quantity, relation, bound, seeds, unit=sides[0].unit)


def accuracies_in_words(evidence: Evidence, net: str) -> str:
    """Clean and worst-case accuracy on every kind of codes."""
    words = []
    for kind, name in NAMES.items():
        own = of(evidence, kind)
        clean, worst = (accuracy_at(own, net, attack, ">=", 0.99).measured for attack in ("none", "worst"))
        words.append(f"{name} {clean:.1%} and {worst:.1%}")
    return f"Clean and worst-case accuracy of the {net} net on codes: {', '.join(words)}."


def gap_in_words(evidence: Evidence) -> str:
    """Where on the curve the two nets differ most, on real codes and on the theory's."""
    words = []
    for kind in (REAL, IDEAL):
        rows = of(evidence, kind)[ROBUSTNESS]
        rows = rows[rows.attack == "worst"].assign(accuracy=lambda r: r.correct / r.points)
        curve = rows.pivot_table("accuracy", index="radius", columns="net")
        radii, clean, robust = curve.index.to_numpy(float), curve.clean.to_numpy(), curve.robust.to_numpy()
        widest = int(np.argmax(robust - clean))
        where = f"{radii[widest] / radius(evidence):g} τ on {NAMES[kind]} codes"
        words.append(f"{clean[widest]:.0%} and {robust[widest]:.0%} at {where}")
    return f"The nets differ most with {', '.join(words)} (clean and robust net)."

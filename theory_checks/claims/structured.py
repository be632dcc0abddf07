"""What the claims about patch-structured data share.

The profile's sizes were found on seeds 0 to 7 of the experiment; other seeds are one option away.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from theory_checks.claims.claim import accuracy
from theory_checks.evidence import Evidence
from theory_checks.verdict import Measurement, Relation, SeedValue

SOURCE = "Li & Li, Adversarial Training Can Provably Improve Robustness (arXiv 2410.08503)"
LEARNED = 2.0  # times the other feature's alignment; the theorem says Ω(1) against o(1), the finite bound is ours


def named(evidence: Evidence, part: Measurement) -> Measurement:
    """The same measurement, its quantity preceded by the number of classes."""
    quantity = f"K = {evidence.config['training']['data']['classes']}: {part.quantity}"
    return replace(part, quantity=quantity)


def accurate(evidence: Evidence, net: str, attack: str, relation: Relation, bound: float) -> Measurement:
    """Accuracy on fresh points under an attack at ε."""
    return named(evidence, accuracy(evidence, net, attack, relation, bound))


def fitted(evidence: Evidence, net: str, attack: str) -> Measurement:
    """Share of the training sample that is classified rightly: all of it, so that there is nothing to estimate."""
    table = evidence.robustness
    rows = table[(table.net == net) & (table.attack == attack)].sort_values("seed")
    share = rows.correct / rows.points
    seeds = tuple(SeedValue(int(s), float(v), float(v), float(v)) for s, v in zip(rows.seed, share, strict=True))
    words = "training accuracy" if attack == "training" else "training accuracy under the training's own adversary"
    return named(evidence, Measurement(words, ">=", 1.0, seeds))


def ratio(evidence: Evidence, net: str, over: str, under: str) -> tuple[Measurement, Measurement]:
    """One feature's alignment over the other's at the end: of the means over classes, and in the worst class.

    Means over all classes of a seed are numbers, not estimates: their intervals are points.
    """
    table = evidence.alignments
    last = table[(table.net == net) & (table.step == table[table.net == net].step.max())]
    words = {"robust": "robust", "nonrobust": "non-robust"}
    name = f"{words[over]} over {words[under]} alignment"
    mean, worst = [], []
    for seed, rows in last.groupby("seed"):
        below = np.maximum(rows[under].to_numpy(), 1e-6)
        mean.append((seed, rows[over].mean() / max(rows[under].mean(), 1e-6)))
        worst.append((seed, (rows[over].to_numpy() / below).min()))

    def measurement(quantity: str, bound: float, values) -> Measurement:
        seeds = tuple(SeedValue(int(s), float(v), float(v), float(v)) for s, v in values)
        return named(evidence, Measurement(quantity, ">=", bound, seeds))

    return (
        measurement(f"{name}, means over classes", LEARNED, mean),
        measurement(f"{name}, worst class", 1.0, worst),
    )


def learned_note(evidence: Evidence, net: str) -> str:
    """Both alignments at the end, and where they started."""
    table = evidence.alignments[evidence.alignments.net == net]
    ends = [table[table.step == step] for step in (table.step.min(), table.step.max())]
    first, last = ({kind: rows[kind].mean() for kind in ("robust", "nonrobust")} for rows in ends)
    k = evidence.config["training"]["data"]["classes"]
    return (
        f"K = {k}: max ⟨w, u⟩ goes from {first['robust']:.3g} (first record) to {last['robust']:.3g}, "
        f"max ⟨w, v⟩ from {first['nonrobust']:.3g} to {last['nonrobust']:.3g}."
    )


def certified_note(evidence: Evidence) -> str:
    """What the interval certificate proves of the robust net, beside what stands APGD on the same points."""
    table: pd.DataFrame = evidence.certificates
    shares = [
        f"{rows.certified.sum() / rows.points.sum():.0%} of {rows.standing.sum() / rows.points.sum():.0%} "
        f"at {float(rows.radius.iloc[0]) / evidence.radius:g} ε"
        for _, rows in table.groupby("radius")
    ]
    k = evidence.config["training"]["data"]["classes"]
    return f"K = {k}: certified (intervals) of standing: {', '.join(shares)}."

"""What the claims about patch-structured data measure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from theory_checks.evidence import Evidence
from theory_checks.measuring.attacked import CERTIFICATES, ROBUSTNESS
from theory_checks.papers.structured_data.tables import ALIGNMENTS
from theory_checks.quantities import accuracy, exact
from theory_checks.verdict import Measurement, Relation

SOURCE = "Li & Li, Adversarial Training Can Provably Improve Robustness (arXiv 2410.08503)"
WHERE = {"experiment": "patches-2", "also": ("patches-10",)}
LEARNED = 2.0  # times the other feature's alignment; the theorem says Ω(1) against o(1), the finite bound is ours


def named(evidence: Evidence, part: Measurement) -> Measurement:
    """The same measurement, its quantity preceded by the number of classes."""
    return replace(part, quantity=f"K = {evidence.config.data.classes}: {part.quantity}")


def accurate(evidence: Evidence, net: str, attack: str, relation: Relation, bound: float) -> Measurement:
    """Accuracy on fresh points under an attack at ε."""
    return named(evidence, accuracy(evidence, net, attack, relation, bound))


def fitted(evidence: Evidence, net: str, attack: str) -> Measurement:
    """Share of the training sample that is classified rightly: all of it, so that there is nothing to estimate."""
    table = evidence[ROBUSTNESS]
    rows = table[(table.net == net) & (table.attack == attack)].sort_values("seed")
    words = "training accuracy" if attack == "training" else "training accuracy under the training's own adversary"
    found = zip(rows.seed, rows.correct / rows.points, strict=True)
    return named(evidence, exact(words, ">=", 1.0, found, unit="share of points"))


def ratio(evidence: Evidence, net: str, over: str, under: str) -> tuple[Measurement, Measurement]:
    """One feature's alignment over the other's at the end: of the means over classes, and in the worst class.

    Means over all classes of a seed are numbers, not estimates: their intervals are points.
    """
    table = evidence[ALIGNMENTS]
    last = table[(table.net == net) & (table.step == table[table.net == net].step.max())]
    words = {"robust": "robust", "nonrobust": "non-robust"}
    name = f"{words[over]} over {words[under]} alignment"
    mean, worst = [], []
    for seed, rows in last.groupby("seed"):
        below = np.maximum(rows[under].to_numpy(), 1e-6)
        mean.append((seed, rows[over].mean() / max(rows[under].mean(), 1e-6)))
        worst.append((seed, (rows[over].to_numpy() / below).min()))
    return (
        named(evidence, exact(f"{name}, means over classes", ">=", LEARNED, mean)),
        named(evidence, exact(f"{name}, worst class", ">=", 1.0, worst)),
    )


def learned_note(evidence: Evidence, net: str) -> str:
    """Both alignments at the end, and where they started."""
    table = evidence[ALIGNMENTS]
    table = table[table.net == net]
    ends = [table[table.step == step] for step in (table.step.min(), table.step.max())]
    first, last = ({kind: rows[kind].mean() for kind in ("robust", "nonrobust")} for rows in ends)
    return (
        f"K = {evidence.config.data.classes}: max ⟨w, u⟩ goes from {first['robust']:.3g} (first record) to "
        f"{last['robust']:.3g}, max ⟨w, v⟩ from {first['nonrobust']:.3g} to {last['nonrobust']:.3g}."
    )


def certified_note(evidence: Evidence) -> str:
    """What the interval certificate proves of the robust net, beside what stands APGD on the same points."""
    shares = [
        f"{rows.certified.sum() / rows.points.sum():.0%} of {rows.standing.sum() / rows.points.sum():.0%} "
        f"at {float(rows.radius.iloc[0]) / evidence.config.radius:g} ε"
        for _, rows in evidence[CERTIFICATES].groupby("radius")
    ]
    return f"K = {evidence.config.data.classes}: certified (intervals) of standing: {', '.join(shares)}."

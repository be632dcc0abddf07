"""Codes of photographs: whether they meet the theory's assumptions, and whether its main theorem shows on them.

The theorem says nothing about codes that break its assumptions: a claim that is refuted here tells how far the theory
reaches, not that it is wrong. Two controls by the same recipe tell what a miss is due to: the theory's own codes, as
many of them (size and recipe), and the real ones with every coordinate shuffled over the samples (the values' own
distributions; what is left is dependence).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from theory_checks.claims import adversarial_robust, clean_accuracy, clean_nonrobust, decomposition, purification
from theory_checks.claims.claim import Claim, accuracy, live, winners
from theory_checks.evidence import Evidence
from theory_checks.experiments.natural import IDEAL, REAL, SHUFFLED
from theory_checks.verdict import Measurement, Relation, SeedValue

SLACK = 0.01  # accuracy on real codes may be worse than on the theory's by this much; ours, as all bounds on codes
_SOURCE = "Allen-Zhu & Li, Feature Purification (arXiv 2005.10190)"
_WHERE: dict[str, Any] = {"experiment": REAL}
_NAMES = {REAL: "real", SHUFFLED: "shuffled", IDEAL: "the theory's own"}

# Quantities of the table of codes: in words, and the bound on each.
_PREMISES: tuple[tuple[str, str, Relation, float], ...] = (
    ("nonzero share", "sparse: share of coordinates that are not zero", "<=", 0.1),
    ("small", "share of non-zero |z_j| below 1/√k", "<=", 0.05),
    ("even energy", "share of coordinates with E z_j² within a factor 4 of its mean", ">=", 0.95),
    ("asymmetry", "symmetric: mean over j of |Pr[z_j > 0 | z_j ≠ 0] − ½|", "<=", 0.05),
    ("correlation spread", "values uncorrelated: spread over pairs of their correlation", "<=", 0.05),
    ("lift spread", "supports independent: spread over pairs of Pr[i, j]/(Pr[i] Pr[j])", "<=", 0.1),
    ("dispersion", "supports independent: Var ‖z‖₀ over that of independent ones, at most", "<=", 1.5),
    ("dispersion", "supports independent: Var ‖z‖₀ over that of independent ones, at least", ">=", 0.67),
)


def of(evidence: Evidence, kind: str) -> Evidence:
    """The evidence on one kind of codes."""
    names = ("robustness", "wins", "neurons", "codes")
    tables = {name: getattr(evidence, name) for name in names}
    return replace(evidence, **{name: rows[rows.experiment == kind] for name, rows in tables.items()})


def judged(evidence: Evidence, *measures: Callable[[Evidence], tuple[Measurement, ...]]) -> tuple[Measurement, ...]:
    """Quantities on real codes; missing a bound that the theory's own codes miss as well refutes nothing."""
    parts = []
    for measure in measures:
        for part, control in zip(measure(of(evidence, REAL)), measure(of(evidence, IDEAL)), strict=True):
            parts.append(replace(part, refutable=part.refutable and control.outcome == "holds"))
    return tuple(parts)


def beside_ideal(evidence: Evidence, net: str, relation: Relation, bound: float) -> Measurement:
    """Worst-case accuracy at τ on real codes less that on the theory's own, by the seeds that both have.

    The interval is that of the ends of both seeds' exact intervals, so it covers more often than 95%.
    """
    sides = [accuracy(of(evidence, kind), net, "worst", relation, bound) for kind in (REAL, IDEAL)]
    real, ideal = ({value.seed: value for value in side.seeds} for side in sides)
    seeds = tuple(
        SeedValue(
            seed,
            real[seed].value - ideal[seed].value,
            real[seed].low - ideal[seed].high,
            real[seed].high - ideal[seed].low,
        )
        for seed in sorted(real.keys() & ideal.keys())
    )
    return Measurement(f"{sides[0].quantity}: real codes less the theory's own", relation, bound, seeds)


def _premises(evidence: Evidence) -> tuple[Measurement, ...]:
    table = of(evidence, REAL).codes.set_index("quantity")
    seed = int(evidence.config["task"]["codes"]["seed"])
    parts = []
    for name, words, relation, bound in _PREMISES:
        value, low, high = (float(table[column].loc[name]) for column in ("value", "low", "high"))
        parts.append(Measurement(words, relation, bound, (SeedValue(seed, value, low, high),)))
    return tuple(parts)


def _premises_note(evidence: Evidence) -> str:
    tables = {kind: of(evidence, kind).codes.set_index("quantity").value for kind in _NAMES}
    real, task = tables[REAL], evidence.config["task"]["codes"]
    controls = "; ".join(
        f"{_NAMES[kind]}: Var ‖z‖₀ ratio {tables[kind]['dispersion']:.2f}, "
        f"lift spread {tables[kind]['lift spread']:.3f}"
        for kind in (SHUFFLED, IDEAL)
    )
    return (
        f"d = {task['atoms']}, codes that miss {task['tolerance']:g} of a patch's energy. Intervals resample squares "
        "of the pictures; spreads are what two halves of the pictures agree on. Controls: "
        f"{controls}. Single tests at 5% false discoveries, on {real['rows apart']:.0f} patches that do not overlap "
        f"(few for rare pairs): {real['asymmetric']:.1%} of the coordinates asymmetric, {real['correlated']:.1%} of "
        f"the pairs correlated, {real['associated']:.1%} with dependent supports."
    )


def _accuracies(evidence: Evidence, net: str) -> str:
    """Clean and worst-case accuracy on every kind of codes."""
    words = []
    for kind, name in _NAMES.items():
        own = of(evidence, kind)
        clean, worst = (accuracy(own, net, attack, ">=", 0.99).measured for attack in ("none", "worst"))
        words.append(f"{name} {clean:.1%} and {worst:.1%}")
    return f"Clean and worst-case accuracy of the {net} net on codes: {', '.join(words)}."


def _gap(evidence: Evidence) -> str:
    """Where on the curve the two nets differ most, on real codes and on the theory's."""
    words = []
    for kind in (REAL, IDEAL):
        rows = of(evidence, kind).robustness
        rows = rows[rows.attack == "worst"].assign(accuracy=lambda r: r.correct / r.points)
        curve = rows.pivot_table("accuracy", index="radius", columns="net")
        radii, clean, robust = curve.index.to_numpy(float), curve.clean.to_numpy(), curve.robust.to_numpy()
        widest = int(np.argmax(robust - clean))
        where = f"{radii[widest] / evidence.radius:g} τ on {_NAMES[kind]} codes"
        words.append(f"{clean[widest]:.0%} and {robust[widest]:.0%} at {where}")
    return f"The nets differ most with {', '.join(words)} (clean and robust net)."


def _purification_note(evidence: Evidence) -> str:
    words = []
    for kind, name in _NAMES.items():
        rows = of(evidence, kind)
        found = [
            (r.mixture_clean.median(), r.mixture_robust.median(), r.feature_clean.nunique())
            for _, r in live(rows, "clean", "robust")
        ]
        before, after, features = np.mean(found, axis=0)
        parts = (*purification.CLAIM.measure(rows)[1:], *decomposition.CLAIM.measure(rows))
        shares = ", ".join(f"{part.measured:.0%}" for part in parts)
        words.append(f"{name}: median C from {before:.2f} to {after:.2f}; {shares}; {features:.0f} features found")
    return f"Live neurons that grow purer, keep their feature, and have ‖βw'‖ > ‖v‖, on codes {'. '.join(words)}."


CODES = Claim(
    id="natural-codes",
    title="Codes of photographs meet the assumptions of sparse coding",
    statement="Coordinates of z are sparse, symmetric, of even energy, and independent of one another.",
    source=f"{_SOURCE}, section 2: the assumptions; photographs and bounds are ours",
    refuted_by="coordinates that are dense, lopsided, uneven or dependent beyond the bounds",
    measure=_premises,
    note=_premises_note,
    **_WHERE,
)

NONROBUST = Claim(
    id="natural-nonrobust",
    title="On codes of photographs the clean net is accurate and not robust",
    statement="Clean training on real codes gives clean accuracy 1 − o(1) and robust accuracy o(1) at τ.",
    source=f"{_SOURCE}, Theorem 5.1, asked about real codes",
    refuted_by="a bound missed that the theory's codes meet, or more robust accuracy than on theirs",
    measure=lambda e: (
        *judged(e, clean_accuracy.CLAIM.measure, clean_nonrobust.CLAIM.measure),
        beside_ideal(e, "clean", "<=", SLACK),
    ),
    note=lambda e: f"{_accuracies(e, 'clean')} {_gap(e)} {winners(of(e, REAL), 'clean')}",
    **_WHERE,
)

ROBUST = Claim(
    id="natural-robust",
    title="On codes of photographs adversarial training is as robust as on the theory's",
    statement="FGM training from the clean net reaches robust accuracy 1 − o(1) at the same τ on real codes.",
    source=f"{_SOURCE}, Theorem 5.2, asked about real codes",
    refuted_by="robust or clean accuracy below 99% where the theory's codes reach it, or a point below theirs",
    measure=lambda e: (*judged(e, adversarial_robust.FGM.measure), beside_ideal(e, "robust", ">=", -SLACK)),
    note=lambda e: f"{_accuracies(e, 'robust')} {_gap(e)} {winners(of(e, REAL), 'robust')}",
    **_WHERE,
)

PURIFICATION = Claim(
    id="natural-purification",
    title="On codes of photographs adversarial training purifies the neurons",
    statement=(
        "On real codes, too, the dense mixture goes and the feature stays, and the clean weights are mostly the robust "
        "ones: w = βw' + v with ‖βw'‖ > ‖v‖."
    ),
    source=f"{_SOURCE}, section 2, asked about real codes",
    refuted_by="a bound of purification or decomposition missed where the theory's codes meet it",
    measure=lambda e: judged(e, purification.CLAIM.measure, decomposition.CLAIM.measure),
    note=_purification_note,
    **_WHERE,
)

CLAIMS = (CODES, NONROBUST, ROBUST, PURIFICATION)

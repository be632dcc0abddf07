"""polynomial-bound: low-degree polynomials are not robust either."""

from __future__ import annotations

import math

import pandas as pd

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.papers.simpler_classes.claims.best import BOUND, at_radius, best, by_value, search_note
from theory_checks.papers.simpler_classes.figures import DEGREES, MODELS
from theory_checks.papers.simpler_classes.tables import CLASS_BOUNDS, CLASSES
from theory_checks.quantities import share
from theory_checks.verdict import Measurement

# "Low-degree" is a degree that stays as d grows. None is named where we read it, so that none is left out for its
# result: every degree searched up to 7 is judged. Beyond, only the degree is sought at which the class catches up.
_LOW = (3, 7)
_CAUGHT_UP = 0.05  # behind the net


def _polynomials(evidence: Evidence, degree: int) -> pd.DataFrame:
    rows = at_radius(evidence, "polynomial")
    return rows[rows.degree <= degree]


def _best(evidence: Evidence, degree: int, counted: str, words: str, *, refutable: bool = True) -> Measurement:
    rows = _polynomials(evidence, degree)
    found = best(rows[rows[counted].notna()], counted)
    quantity = f"{words} at τ = {evidence.config.radius:.4g}, polynomials of degree {degree} or less"
    return share(quantity, "<=", BOUND, found.seed, found[counted], found.points, refutable=refutable)


def _measure(evidence: Evidence) -> tuple[Measurement, ...]:
    low, high = _LOW
    attacked = "best robust accuracy found"
    return (
        _best(evidence, low, "robust", attacked),
        # An attack bounds robust accuracy from above: that much of it refutes nothing, what is proven does.
        _best(evidence, high, "robust", attacked, refutable=False),
        _best(evidence, high, "certified", "best robust accuracy proven"),
    )


def _by_degree(evidence: Evidence) -> str:
    rows = at_radius(evidence, "polynomial", "linear")
    found, proven = (by_value(rows, "degree", counted, nested=True) for counted in ("robust", "certified"))
    said = [f"{d:.0f}: {v:.1%}{f' ({proven[d]:.1%} proven)' if d in proven else ''}" for d, v in found.items()]
    relu = at_radius(evidence, "ReLU net")
    net = (relu.robust / relu.points).mean()
    near = [degree for degree, value in found.items() if value >= net - _CAUGHT_UP]
    caught = f"from degree {near[0]:.0f} on" if near else f"in no degree up to {max(found):.0f}"
    return f"Best found by degree: {', '.join(said)}. The class is within five points of the net {caught}."


def _note(evidence: Evidence) -> str:
    bound = evidence[CLASS_BOUNDS].iloc[0]
    table = evidence[CLASSES]
    half = (table.radius / evidence.config.radius - 0.5).abs() < 1e-6
    near = table[(table.family == "polynomial") & (table.degree <= _LOW[0]) & half]
    data = evidence.config.training.data
    return (
        f"{search_note(evidence, 'polynomial')} {_by_degree(evidence)} Degree 2 is bounded as a class, by "
        f"{bound.with_intercept:.1%} (the odd part of a quadratic is linear). Of degree 3 symmetric cubics attain the "
        "least adversarial loss (it is convex in f, the data symmetric under permutations); robust accuracy itself is "
        "searched among c + Σ_j p(⟨M_j, x⟩), p odd. What p must be, flat at 0 and linear on the features, depends on d "
        f"through values of 1 alone ({1 - math.exp(-data.atom_rate):.0%} of the unconditioned points have one): in "
        f"units of 1/√k the others lie between 1 and {data.value_max:g} at every d, so that a larger d is no way out "
        f"for this bound. At half the radius the best of degree 3 has {(near.robust / near.points).max():.1%}: for "
        "cubics it depends on τ being near the net's own limit."
    )


CLAIM = Claim(
    id="polynomial-bound",
    title="No low-degree polynomial is robust at the radius",
    statement="Low-degree polynomials are not robust at this τ either, however trained.",
    source="Allen-Zhu & Li, Feature Purification (arXiv 2005.10190), abstract and lower bounds; to degree 7",
    refuted_by=(
        "for every seed, a polynomial of degree 3 or less with robust accuracy above 60% under attack, or one of "
        "degree 7 or less with more than that proven"
    ),
    measure=_measure,
    experiment="classes",
    note=_note,
    figures=(MODELS, DEGREES),
)

"""The claims about simpler classes, on tables made up so that the answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.theory_checks.toys import simpler_classes as toys
from theory_checks.evidence import Evidence
from theory_checks.papers.simpler_classes.claims import linear_bound, ntk_bound, polynomial_bound
from theory_checks.papers.simpler_classes.tables import CLASS_BOUNDS, CLASS_LOSSES, CLASSES

TAU, POINTS = 0.3, 1000
FAMILIES = ("linear", "polynomial", "tangent kernel", "random features", "ReLU net")
CLAIMS = {"linear": linear_bound, "polynomial": polynomial_bound, "tangent kernel": ntk_bound}
(TOY,) = toys.experiments()
WIDE = replace(TOY, radius=TAU, training=TOY.training.replace(data=TOY.training.data.replace(dimension=1024)))
DEGREES = {("linear", "weak"): 1, ("linear", "best"): 1, ("polynomial", "weak"): 2, ("polynomial", "best"): 3}


def evidence(robust=None, bound=0.58, clean=1000, linear=500, septic=(550, 540), high=(996, 990)):
    """Two seeds; a weak accurate model and a robust one of every family; septic and higher polynomials, with proofs."""
    best = {family: 500 for family in FAMILIES} | {"ReLU net": 995, "linear": linear} | (robust or {})
    rows = [
        {
            "seed": seed,
            "family": family,
            "model": model,
            "training": training,
            "rate": 1e-3,
            "radius": factor * TAU,
            "clean": right,
            "robust": held if factor == 1 else 900,
            "certified": np.nan,
            "degree": DEGREES.get((family, model), np.nan),
            "width": 2048.0 if family == "tangent kernel" else np.nan,
            "points": POINTS,
            "converged": True,
            "drop": 0.001,
        }
        for seed in (0, 1)
        for family in FAMILIES
        for model, training, right, held in (("weak", "clean", clean, 10), ("best", "FGM", 700, best[family]))
        for factor in (0.5, 1.0)
        if (family, model) != ("ReLU net", "weak")
    ]
    searched = {"family": "polynomial", "training": "search", "rate": np.nan, "clean": 700, "points": POINTS}
    searched |= {"converged": None, "drop": np.nan, "radius": TAU, "width": np.nan}
    rows += [
        searched | {"seed": seed, "model": f"degree {n}", "degree": n, "robust": held, "certified": proven}
        for seed in (0, 1)
        for n, (held, proven) in ((7, septic), (11, high))
    ]
    losses = {"family": "tangent kernel", "training": "FGM", "model": "m", "rate": 1e-3}
    losses = [losses | {"seed": s, "step": n, "loss": 0.7 - 0.001 * n} for s in (0, 1) for n in range(11)]
    bounds = {"estimate": 0.14 * TAU**2, "upper": (2 * bound - 1) * TAU**2, "excess": 0.0, "truncation": 9.0}
    bounds |= {"with_intercept": bound, "without_intercept": 2 * bound - 1, "points": 100000}
    tables = {CLASSES.name: pd.DataFrame(rows), CLASS_BOUNDS.name: pd.DataFrame([bounds])}
    tables[CLASS_LOSSES.name] = pd.DataFrame(losses)
    return {"classes": Evidence(WIDE, tables)}


@pytest.mark.parametrize("family", CLAIMS)
def test_holds_when_no_model_is_robust(family):
    verdict = CLAIMS[family].CLAIM.check(evidence())
    assert verdict.outcome == "holds"
    assert any(part.measured == pytest.approx(0.5) for part in verdict.parts)
    assert all(part.unit == "share of points" for part in verdict.parts)


@pytest.mark.parametrize("family", CLAIMS)
def test_one_robust_model_refutes(family):
    assert CLAIMS[family].CLAIM.check(evidence(robust={family: 800})).outcome == "refuted"


def test_degrees_up_to_7_count_by_what_is_proven_of_them():
    check = polynomial_bound.CLAIM.check
    assert check(evidence(septic=(850, 830))).outcome == "refuted"
    # An attack that fails proves nothing, and 60% within the interval is no side of the bound.
    assert check(evidence(septic=(850, 540))).outcome == "inconclusive"
    assert check(evidence(septic=(610, 600))).outcome == "inconclusive"
    assert [part.bound for part in check(evidence()).parts] == [0.6, 0.6, 0.6]


def test_higher_degrees_are_told_and_not_judged():
    assert polynomial_bound.CLAIM.check(evidence(high=(1000, 1000))).outcome == "holds"
    note = polynomial_bound.CLAIM.check(evidence()).note
    assert "1: 50.0%, 2: 50.0%, 3: 50.0%, 7: 55.0% (54.0% proven), 11: 99.6% (99.0% proven)" in note
    assert "within five points of the net from degree 11 on" in note
    assert "in no degree up to 11" in polynomial_bound.CLAIM.check(evidence(high=(900, 890))).note


def test_the_kernels_note_says_widths_and_losses():
    note = ntk_bound.CLAIM.check(evidence()).note
    assert "m = 2048: 50.0%" in note and "ends at 0.690 at best" in note and "0.693" in note
    assert "4 of the 4 adversarial fits and 4 of the 4 clean fits converged" in note


def test_random_features_count_for_the_tangent_claim():
    assert ntk_bound.CLAIM.check(evidence(robust={"random features": 800})).outcome == "refuted"


def test_the_linear_bound_must_lie_below_60_percent_with_its_upper_limit():
    assert linear_bound.CLAIM.check(evidence(bound=0.61)).outcome == "inconclusive"
    assert linear_bound.CLAIM.check(evidence(clean=900)).outcome == "refuted"


def test_the_bound_is_no_seeds():
    part = linear_bound.CLAIM.check(evidence()).parts[0]
    assert [value.seed for value in part.seeds] == [None] and part.interval[1] == 0.58


def test_the_notes_say_what_won_and_what_the_net_does():
    note = polynomial_bound.CLAIM.check(evidence()).note
    assert "the winner is degree 11 (search), with clean accuracy 70.0%" in note
    assert "clean accuracy of 99% reach at most 1.0%" in note and "ReLU net has 99.5%" in note
    assert "best of degree 3 has 90.0%" in note
    table = evidence()["classes"][CLASSES]
    assert np.isfinite(table.robust).all()

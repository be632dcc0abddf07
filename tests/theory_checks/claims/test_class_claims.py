"""linear-bound, polynomial-bound and ntk-bound: the best model of a class counts, seed by seed."""

import numpy as np
import pandas as pd
import pytest

from theory_checks.claims import linear_bound, ntk_bound, polynomial_bound
from theory_checks.evidence import Evidence

TAU, POINTS = 0.3, 1000
FAMILIES = ("linear", "polynomial", "tangent kernel", "random features", "ReLU net")


def evidence(robust=None, bound=0.58, clean=1000, linear=500):
    """Two seeds; a weak accurate model and a robust one of every family."""
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
    bounds = {"estimate": 0.14 * TAU**2, "upper": (2 * bound - 1) * TAU**2, "excess": 0.0, "truncation": 9.0}
    bounds |= {"with_intercept": bound, "without_intercept": 2 * bound - 1, "points": 100000}
    config = {"training": {"data": {"dimension": 1024, "sparsity": 31}}}
    return {
        "classes": Evidence("classes", config, TAU, classes=pd.DataFrame(rows), class_bounds=pd.DataFrame([bounds]))
    }


CLAIMS = {"linear": linear_bound, "polynomial": polynomial_bound, "tangent kernel": ntk_bound}


@pytest.mark.parametrize("family", CLAIMS)
def test_holds_when_no_model_is_robust(family):
    verdict = CLAIMS[family].CLAIM.check(evidence())
    assert verdict.outcome == "holds"
    assert any(part.measured == pytest.approx(0.5) for part in verdict.parts)


@pytest.mark.parametrize("family", CLAIMS)
def test_one_robust_model_refutes(family):
    assert CLAIMS[family].CLAIM.check(evidence(robust={family: 800})).outcome == "refuted"


def test_random_features_count_for_the_tangent_claim():
    assert ntk_bound.CLAIM.check(evidence(robust={"random features": 800})).outcome == "refuted"


def test_the_linear_bound_must_lie_below_60_percent_with_its_upper_limit():
    assert linear_bound.CLAIM.check(evidence(bound=0.61)).outcome == "inconclusive"
    assert linear_bound.CLAIM.check(evidence(clean=900)).outcome == "refuted"


def test_the_notes_say_what_won_and_what_the_net_does():
    note = polynomial_bound.CLAIM.check(evidence()).note
    assert "the winner is best (FGM), with clean accuracy 70.0%" in note
    assert "clean accuracy of 99% reach at most 1.0%" in note and "ReLU net has 99.5%" in note
    assert "best has 90.0%" in note
    table = evidence()["classes"].classes
    assert np.isfinite(table.robust).all()

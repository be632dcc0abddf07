"""polynomial-bound: low-degree polynomials are not robust either."""

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.papers.simpler_classes.claims.best import best_robust, search_note
from theory_checks.papers.simpler_classes.figures import MODELS
from theory_checks.papers.simpler_classes.tables import CLASS_BOUNDS, CLASSES


def _note(evidence: Evidence) -> str:
    bound = evidence[CLASS_BOUNDS].iloc[0]
    table = evidence[CLASSES]
    half = (table.radius / evidence.config.radius - 0.5).abs() < 1e-6
    near = table[(table.family == "polynomial") & half]
    return (
        f"{search_note(evidence, 'polynomial')} Degree 2 is bounded as a class, by {bound.with_intercept:.1%} (the odd "
        "part of a quadratic is linear). In degree 3 the adversarial loss is convex in f and the data symmetric under "
        "permutations: symmetric cubics, seven numbers, attain its least value over all cubics. At half the radius the "
        f"best has {(near.robust / near.points).max():.1%}: on values of 1/√k … 3/√k a cubic already favours features "
        "over small perturbations, so this bound depends on τ being near the net's own limit."
    )


CLAIM = Claim(
    id="polynomial-bound",
    title="No low-degree polynomial is robust at the radius",
    statement="Low-degree polynomials are not robust at this τ either, however trained.",
    source="Allen-Zhu & Li, Feature Purification (arXiv 2005.10190), abstract and lower bounds; degrees 2 and 3 here",
    refuted_by="a polynomial of degree 2 or 3 with robust accuracy above 60%, for every seed",
    measure=lambda e: (best_robust(e, ("polynomial",)),),
    experiment="classes",
    note=_note,
    figures=(MODELS,),
)

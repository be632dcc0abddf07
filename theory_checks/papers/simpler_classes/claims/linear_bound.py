"""linear-bound: no linear classifier is robust, whatever trains it."""

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.papers.simpler_classes.claims.best import BOUND, at_radius, best, best_robust
from theory_checks.papers.simpler_classes.figures import MODELS
from theory_checks.papers.simpler_classes.tables import CLASS_BOUNDS
from theory_checks.quantities import share
from theory_checks.verdict import Measurement, SeedValue


def _every_linear(evidence: Evidence) -> tuple[Measurement, ...]:
    bound = evidence[CLASS_BOUNDS].iloc[0]
    estimate = 0.5 + 0.5 * bound.estimate / evidence.config.radius**2
    # One data distribution, no training: a single estimate with its upper limit.
    value = SeedValue(None, float(estimate), float(estimate), float(bound.with_intercept))
    accurate = best(at_radius(evidence, "linear"), "clean")
    return (
        Measurement(
            "upper bound of the robust accuracy of every linear classifier",
            "<=",
            BOUND,
            (value,),
            unit="share of points",
        ),
        best_robust(evidence, ("linear",), bound=float(bound.with_intercept)),
        share(
            "clean accuracy of the most accurate linear classifier",
            ">=",
            0.99,
            accurate.seed,
            accurate.clean,
            accurate.points,
        ),
    )


def _note(evidence: Evidence) -> str:
    bound = evidence[CLASS_BOUNDS].iloc[0]
    return (
        f"½ + ½ λ_max(E xxᵀ)/τ² from {bound.points:.0f} points, its upper limit at 99.9% confidence (Chernoff's bound "
        f"for ⟨v, x⟩² ≤ {bound.truncation:.3g}, plus the rest); without intercept {bound.without_intercept:.0%}. "
        "It holds for every linear, and every quadratic, classifier: x and −x are both robust only if |⟨w, x⟩| > τ‖w‖. "
        "The best one found is a constant, or hardly better."
    )


CLAIM = Claim(
    id="linear-bound",
    title="No linear classifier is robust at the radius",
    statement="No linear classifier is robust at this τ, however trained, although one with clean accuracy ~1 exists.",
    source="Allen-Zhu & Li, Feature Purification (arXiv 2005.10190), linear lower bound; the bound's form is derived",
    refuted_by="a linear classifier with robust accuracy above the bound, or a bound above 60%",
    measure=_every_linear,
    experiment="classes",
    # At γ = 1.5 σ and τ = 0.9 σ/√k the bound is ½ + 2.4 k/d: below 60% for k/d < 0.04, with k ~ √d from d ~ 600.
    smallest_dimension=600,
    note=_note,
    figures=(MODELS,),
)

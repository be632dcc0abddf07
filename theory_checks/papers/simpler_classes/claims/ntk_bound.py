"""ntk-bound: the network's own tangent kernel, and random features, are not robust."""

from theory_checks.claim import Claim
from theory_checks.papers.simpler_classes.claims.best import best_robust, search_note
from theory_checks.papers.simpler_classes.figures import MODELS

_FAMILIES = ("tangent kernel", "random features")

CLAIM = Claim(
    id="ntk-bound",
    title="The network's own tangent kernel is not robust at the radius",
    statement=(
        "For random w⁰, no function Σ_i ⟨v_i, x⟩ (1{⟨w_i⁰, x⟩ ≥ b} + 1{−⟨w_i⁰, x⟩ ≥ b}) is robust at this τ, whatever "
        "v: feature learning is necessary. Robust accuracy is at most ½ + o(1)."
    ),
    source="Allen-Zhu & Li, Feature Purification (arXiv 2005.10190), the NTK lower bound",
    refuted_by="a tangent-kernel or random-feature model with robust accuracy above 60%, for every seed",
    measure=lambda e: (best_robust(e, ("tangent kernel",)), best_robust(e, ("random features",))),
    experiment="classes",
    note=lambda e: search_note(e, *_FAMILIES),
    figures=(MODELS,),
)

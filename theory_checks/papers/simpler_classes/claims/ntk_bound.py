"""ntk-bound: the network's own tangent kernel, and random features, are not robust."""

from __future__ import annotations

import math

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.papers.simpler_classes.claims.best import at_radius, best_robust, by_value, search_note
from theory_checks.papers.simpler_classes.figures import MODELS
from theory_checks.papers.simpler_classes.tables import CLASS_LOSSES

_FAMILIES = ("tangent kernel", "random features")


def _note(evidence: Evidence) -> str:
    widths = by_value(at_radius(evidence, "tangent kernel"), "width")
    said = ", ".join(
        f"m = {'∞' if math.isinf(width) else f'{width:.0f}'}: {share:.1%}" for width, share in widths.items()
    )
    losses = evidence[CLASS_LOSSES]
    losses = losses[(losses.family == "tangent kernel") & (losses.training == "FGM")]
    last = losses[losses.step >= 0.9 * losses.step.groupby(losses.model).transform("max")]
    ends = last.groupby(["seed", "model", "rate"]).loss.mean()
    return (
        f"{search_note(evidence, *_FAMILIES)} Tangent kernels by width: {said}; finite ones with random gates and with "
        "those that the network's training begins with (w⁰ and its first thresholds). The adversarial loss is convex "
        f"in v; trained at τ by FGM it ends at {ends.min():.3f} at best, and f = 0 has {math.log(2):.3f}."
    )


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
    note=_note,
    figures=(MODELS,),
)

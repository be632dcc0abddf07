"""Adversarial training on patch data learns the sparse, strong, robust features (Li & Li's second theorem)."""

from typing import Any

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.measuring.figures import RADIUS_CURVES
from theory_checks.measuring.findings import winners
from theory_checks.papers.structured_data.figures import LEARNING
from theory_checks.papers.structured_data.quantities import (
    SOURCE,
    WHERE,
    accurate,
    certified_note,
    fitted,
    learned_note,
    ratio,
)

_WHERE: dict[str, Any] = WHERE | {"source": f"{SOURCE}, theorem on adversarial training"}


def _adversary(evidence: Evidence) -> str:
    steps = evidence.config.robust.adversary.steps
    return (
        f"The adversary takes {steps} steps, for every other point from a start where silent filters speak; the "
        "paper's takes one."
    )


def _robust_note(evidence: Evidence) -> str:
    return f"{certified_note(evidence)} {winners(evidence, 'robust')}"


FITS = Claim(
    id="adversarial-fits",
    title="Adversarial training fits its adversary",
    statement="Adversarial training, from the same random start, reaches robust training accuracy 1.",
    refuted_by="a training point that its own adversary breaks at the end, for every seed",
    measure=lambda e: (fitted(e, "robust", "training"), fitted(e, "robust", "training adversary")),
    note=_adversary,
    figures=(LEARNING,),
    **_WHERE,
)

FEATURES = Claim(
    id="adversarial-features",
    title="Adversarial training learns the robust features",
    statement=(
        "The filters learn the robust features u_c well and the non-robust ones v_c hardly: the order of standard "
        "training is turned round."
    ),
    refuted_by="non-robust features aligned with at least half as well, or better in some class, for every seed",
    measure=lambda e: ratio(e, "robust", "robust", "nonrobust"),
    note=lambda e: learned_note(e, "robust"),
    figures=(LEARNING,),
    **_WHERE,
)

ACCURATE = Claim(
    id="adversarial-accurate",
    title="The adversarially trained patch net is accurate",
    statement="The clean test accuracy after adversarial training is 1 − o(1).",
    refuted_by="clean accuracy below 99% on fresh points, for every seed",
    measure=lambda e: (accurate(e, "robust", "none", ">=", 0.99),),
    figures=(RADIUS_CURVES,),
    **_WHERE,
)

ROBUST = Claim(
    id="adversarial-robust-patches",
    title="The adversarially trained patch net is robust",
    statement="Its robust test accuracy is 1 − o(1) at the same radius of every patch.",
    refuted_by="robust accuracy below 99% under the worst case of all attacks, for every seed",
    measure=lambda e: (accurate(e, "robust", "worst", ">=", 0.99),),
    note=_robust_note,
    figures=(RADIUS_CURVES,),
    **_WHERE,
)

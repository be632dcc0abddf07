"""Standard training on patch data learns the dense, weak, non-robust features (Li & Li's first theorem)."""

from typing import Any

from theory_checks.claim import Claim
from theory_checks.measuring.figures import RADIUS_CURVES
from theory_checks.measuring.findings import winners
from theory_checks.papers.structured_data.figures import LEARNING
from theory_checks.papers.structured_data.quantities import SOURCE, WHERE, accurate, fitted, learned_note, ratio

_WHERE: dict[str, Any] = WHERE | {"source": f"{SOURCE}, theorem on standard training"}

FITS = Claim(
    id="standard-fits",
    title="Standard training fits patch data",
    statement="Gradient descent on the clean sample reaches training accuracy 1.",
    refuted_by="a training point that is still wrong at the end, for every seed",
    measure=lambda e: (fitted(e, "clean", "training"),),
    figures=(LEARNING,),
    **_WHERE,
)

FEATURES = Claim(
    id="standard-features",
    title="Standard training learns the non-robust features",
    statement=(
        "The filters learn the non-robust features v_c well and the robust ones u_c hardly: max_r ⟨w_{c,r}, v_c⟩ "
        "outgrows max_r ⟨w_{c,r}, u_c⟩."
    ),
    refuted_by="robust features that are aligned with at least half as well, or better in some class, for every seed",
    measure=lambda e: ratio(e, "clean", "nonrobust", "robust"),
    note=lambda e: learned_note(e, "clean"),
    figures=(LEARNING,),
    **_WHERE,
)

ACCURATE = Claim(
    id="standard-accurate",
    title="The standard patch net is accurate",
    statement="The clean test accuracy after standard training is 1 − o(1).",
    refuted_by="clean accuracy below 99% on fresh points, for every seed",
    measure=lambda e: (accurate(e, "clean", "none", ">=", 0.99),),
    figures=(RADIUS_CURVES,),
    **_WHERE,
)

NONROBUST = Claim(
    id="standard-nonrobust",
    title="The standard patch net falls to one direction",
    statement=(
        "Its robust test accuracy is o(1), already under a perturbation that does not depend on the network: from the "
        "own class's non-robust feature to another's, in every patch."
    ),
    refuted_by="more than 1% of fresh points standing, for every seed",
    measure=lambda e: tuple(accurate(e, "clean", attack, "<=", 0.01) for attack in ("universal", "pgd", "worst")),
    note=lambda e: winners(e, "clean"),
    figures=(RADIUS_CURVES,),
    **_WHERE,
)

"""noise-robust: the weakness is adversarial, not noise."""

from theory_checks.claim import Claim
from theory_checks.measuring.figures import RADIUS_CURVES
from theory_checks.quantities import accuracy

CLAIM = Claim(
    id="noise-robust",
    title="Random perturbations of the same norm do not hurt the clean net",
    statement="Dense mixtures barely affect clean or randomly perturbed inputs: only the adversary finds them.",
    source="Allen-Zhu & Li, Feature Purification (arXiv 2005.10190), introduction; 99% as the bound is ours",
    refuted_by="accuracy below 99% under random perturbations of norm τ, for every seed",
    measure=lambda e: (accuracy(e, "clean", "noise", ">=", 0.99),),
    figures=(RADIUS_CURVES,),
)

"""clean-nonrobust: the same network has no robust accuracy, and one direction suffices to show it."""

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.measuring.figures import RADIUS_CURVES
from theory_checks.measuring.findings import winners
from theory_checks.measuring.two_layer import SHOWS_99_PERCENT
from theory_checks.quantities import accuracy

CLAIM = Claim(
    id="clean-nonrobust",
    title="The clean net's robust accuracy is below 1%",
    statement=(
        "After clean training the robust accuracy at radius τ is o(1); the perturbation "
        "−y·τ·Mw*/‖w*‖, which does not depend on the network, nearly achieves it."
    ),
    source=(
        "Allen-Zhu & Li, Feature Purification (arXiv 2005.10190), main theorem, clean part; "
        "the universal direction is derived"
    ),
    refuted_by="more than 1% of fresh points standing under every attack at τ, for every seed",
    measure=lambda e: (accuracy(e, "clean", "worst", "<=", 0.01),),
    smallest_dimension=SHOWS_99_PERCENT,
    note=lambda e: f"The universal direction alone leaves {_universal(e):.2%}. {winners(e, 'clean')}",
    figures=(RADIUS_CURVES,),
)


def _universal(evidence: Evidence) -> float:
    return accuracy(evidence, "clean", "universal", "<=", 0.01).measured

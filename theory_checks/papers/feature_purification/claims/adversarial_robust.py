"""adversarial-robust: adversarial training from the clean net reaches 99% robust accuracy at the same radius."""

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.measuring.figures import RADIUS_CURVES
from theory_checks.measuring.findings import winners
from theory_checks.measuring.two_layer import SHOWS_99_PERCENT
from theory_checks.quantities import accuracy
from theory_checks.verdict import Measurement

_SOURCE = "Allen-Zhu & Li, Feature Purification (arXiv 2005.10190), main theorem, adversarial part"
_REFUTED = "robust or clean accuracy below 99% on fresh points, for every seed"


def _note(evidence: Evidence) -> str:
    return f"An attack bounds robust accuracy from above only. {winners(evidence, 'robust')}"


def _robust(evidence: Evidence) -> tuple[Measurement, ...]:
    return (
        accuracy(evidence, "robust", "worst", ">=", 0.99),
        accuracy(evidence, "robust", "none", ">=", 0.99),
    )


FGM = Claim(
    id="adversarial-robust",
    title="FGM training reaches robust accuracy above 99%",
    statement="Adversarial training with FGM, started from the clean net, reaches robust accuracy 1 − o(1) at τ.",
    source=_SOURCE,
    refuted_by=_REFUTED,
    measure=_robust,
    smallest_dimension=SHOWS_99_PERCENT,
    note=_note,
    figures=(RADIUS_CURVES,),
)

PGD = Claim(
    id="adversarial-robust-pgd",
    title="PGD training reaches robust accuracy above 99%",
    statement="Adversarial training with PGD, started from the clean net, reaches robust accuracy 1 − o(1) at τ.",
    source=_SOURCE,
    refuted_by=_REFUTED,
    measure=_robust,
    experiment="pgd",
    smallest_dimension=SHOWS_99_PERCENT,
    note=_note,
    figures=(RADIUS_CURVES,),
)

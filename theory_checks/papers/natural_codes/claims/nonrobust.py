"""natural-nonrobust: whether clean training on codes of photographs is accurate and not robust."""

from __future__ import annotations

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.measuring.findings import winners
from theory_checks.papers.natural_codes.beside import (
    SLACK,
    SOURCE,
    accuracies_in_words,
    accuracy_at,
    beside_ideal,
    gap_in_words,
    judged,
    of,
)
from theory_checks.papers.natural_codes.config import REAL
from theory_checks.papers.natural_codes.figures import PHOTOGRAPHS
from theory_checks.verdict import Measurement


def _nonrobust(evidence: Evidence) -> tuple[Measurement, ...]:
    bounds = judged(
        evidence,
        lambda e: accuracy_at(e, "clean", "none", ">=", 0.99),
        lambda e: accuracy_at(e, "clean", "worst", "<=", 0.01),
    )
    return (*bounds, beside_ideal(evidence, "clean", "<=", SLACK))


CLAIM = Claim(
    id="natural-nonrobust",
    title="On codes of photographs the clean net is accurate and not robust",
    statement="Clean training on real codes gives clean accuracy 1 − o(1) and robust accuracy o(1) at τ.",
    source=f"{SOURCE}, main theorem, clean part, asked about real codes",
    refuted_by="a bound missed that the theory's codes meet, or more robust accuracy than on theirs",
    measure=_nonrobust,
    kind="question",
    experiment=REAL,
    note=lambda e: f"{accuracies_in_words(e, 'clean')} {gap_in_words(e)} {winners(of(e, REAL), 'clean')}",
    figures=(PHOTOGRAPHS,),
)

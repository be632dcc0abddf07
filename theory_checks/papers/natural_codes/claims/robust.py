"""natural-robust: whether adversarial training on codes of photographs is as robust as on the theory's."""

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


def _robust(evidence: Evidence) -> tuple[Measurement, ...]:
    bounds = judged(
        evidence,
        lambda e: accuracy_at(e, "robust", "worst", ">=", 0.99),
        lambda e: accuracy_at(e, "robust", "none", ">=", 0.99),
    )
    return (*bounds, beside_ideal(evidence, "robust", ">=", -SLACK))


CLAIM = Claim(
    id="natural-robust",
    title="On codes of photographs adversarial training is as robust as on the theory's",
    statement="FGM training from the clean net reaches robust accuracy 1 − o(1) at the same τ on real codes.",
    source=f"{SOURCE}, main theorem, adversarial part, asked about real codes",
    refuted_by="robust or clean accuracy below 99% where the theory's codes reach it, or a point below theirs",
    measure=_robust,
    kind="question",
    experiment=REAL,
    note=lambda e: f"{accuracies_in_words(e, 'robust')} {gap_in_words(e)} {winners(of(e, REAL), 'robust')}",
    figures=(PHOTOGRAPHS,),
)

"""The figure of codes of photographs."""

from __future__ import annotations

from purifyjax import plots
from theory_checks.evidence import Evidence
from theory_checks.figure import Figure, heading
from theory_checks.measuring.attacked import ROBUSTNESS
from theory_checks.measuring.pictures import PICTURES
from theory_checks.papers.natural_codes.beside import radius
from theory_checks.papers.natural_codes.tables import CODES


def _natural(evidence: Evidence):
    return plots.natural.figure(
        evidence[CODES], evidence[ROBUSTNESS], evidence[PICTURES], radius(evidence), title=heading(evidence)
    )


PHOTOGRAPHS = Figure(
    "codes",
    CODES,
    "Codes of photographs: atoms of the dictionary, how many coordinates are nonzero, how often two are so "
    "together, and robust accuracy of nets trained on them, on shuffled codes and on the theory's own.",
    _natural,
)

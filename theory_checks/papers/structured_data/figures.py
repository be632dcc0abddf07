"""The figures of structured data."""

from __future__ import annotations

import numpy as np

from purifyjax import plots
from theory_checks.evidence import Evidence
from theory_checks.figure import Figure, heading
from theory_checks.papers.structured_data.tables import ALIGNMENTS, RACE


def _race(evidence: Evidence):
    boundary = evidence[RACE].groupby("radius").predicted.first()
    line = np.polynomial.Polynomial.fit(boundary.index, boundary, 1)
    return plots.race.figure(evidence[RACE], line, title="The race of the features")


LEARNING = Figure(
    "alignments",
    ALIGNMENTS,
    "The filters' largest alignment with the robust and with the non-robust features through both trainings, mean "
    "and range over seeds.",
    lambda evidence: plots.alignments.figure(evidence[ALIGNMENTS], title=heading(evidence)),
)
WINNER = Figure(
    "race",
    RACE,
    "Which feature the filters are aligned with after training, by the strength of the non-robust one and the "
    "radius of the adversary, with the predicted and the measured boundary.",
    _race,
)

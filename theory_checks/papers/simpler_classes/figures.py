"""The figures of the simpler classes."""

from __future__ import annotations

from purifyjax import plots
from theory_checks.evidence import Evidence
from theory_checks.figure import Figure
from theory_checks.papers.simpler_classes.tables import CLASS_BOUNDS, CLASSES


def _classes(evidence: Evidence):
    bound = float(evidence[CLASS_BOUNDS]["with_intercept"].iloc[0])
    return plots.classes.figure(
        evidence[CLASSES], evidence.config.radius, bound=bound, title="Simpler classes beside the network"
    )


def _degrees(evidence: Evidence):
    bound = float(evidence[CLASS_BOUNDS]["with_intercept"].iloc[0])
    return plots.degrees.figure(
        evidence[CLASSES], evidence.config.radius, bound=bound, title="Polynomials by degree, beside the network"
    )


MODELS = Figure(
    "classes",
    CLASSES,
    "Left: clean against robust accuracy of every trained model of the simpler classes and seed, beside the "
    "adversarially trained network. Right: the most robust model of each class against the radius, mean and range "
    "over seeds.",
    _classes,
)
DEGREES = Figure(
    "degrees",
    CLASSES,
    "The best robust accuracy at τ found among polynomials of at most a degree, under attack and proven, mean and "
    "range over seeds, beside the adversarially trained network and the bound of degrees 1 and 2.",
    _degrees,
)

"""The figures of purification in convolutional nets."""

from __future__ import annotations

from purifyjax import plots
from theory_checks.figure import Figure, heading
from theory_checks.measuring.pictures import picture_figure
from theory_checks.papers.deep_purification.tables import ANGLES as ANGLE_TABLE
from theory_checks.papers.deep_purification.tables import SPARSITY

ANGLES = Figure(
    "angles",
    ANGLE_TABLE,
    "Angles between matching filters of two nets, by layer: shares of the filters, mean and range over seeds.",
    lambda evidence: plots.angles.figure(evidence[ANGLE_TABLE], title=heading(evidence)),
)
FILTERS = picture_figure(
    "filters", "First-layer filters before training, after clean and after adversarial training of the first seed."
)
MAXIMISERS = picture_figure(
    "maximisers",
    "Inputs of an image's usual length that excite neurons of the second layer most, of the first seed.",
)
PERTURBATIONS = picture_figure(
    "perturbations",
    "Test images and the strongest perturbations of either net at the same radius, of the first seed.",
)
SPARSITY_CURVES = Figure(
    "sparsity_curves",
    SPARSITY,
    "Relative error of images and of perturbations, rebuilt from so many first-layer filters of a net.",
    lambda evidence: plots.sparsity_curves.figure(evidence[SPARSITY], title=heading(evidence)),
)

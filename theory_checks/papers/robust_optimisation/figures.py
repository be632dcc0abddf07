"""The figures of robust optimisation."""

from __future__ import annotations

from purifyjax import plots
from theory_checks.evidence import Evidence
from theory_checks.figure import Figure, heading
from theory_checks.measuring.image_nets import IMAGE_ROBUSTNESS
from theory_checks.measuring.pictures import picture_figure


def _curves(evidence: Evidence):
    radii = dict(evidence.config.radii)
    return plots.robust_optimisation.figure(evidence[IMAGE_ROBUSTNESS], radii=radii, title=heading(evidence))


CURVES = Figure(
    "robust_optimisation",
    IMAGE_ROBUSTNESS,
    "Accuracy on test images against the radius, a panel an attack and a curve a net; mean and range over seeds.",
    _curves,
)
SINGLE_PIXELS = picture_figure(
    "single pixels",
    "Test images that the baseline gets right until one entry changes: before and after, with the answers.",
)

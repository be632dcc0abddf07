"""Figures of the tables that several papers share."""

from __future__ import annotations

from purifyjax import plots
from theory_checks.evidence import Evidence
from theory_checks.figure import Figure, heading
from theory_checks.measuring.attacked import CERTIFICATES, ROBUSTNESS


def _radius_curves(evidence: Evidence):
    return plots.radius_curves.figure(
        evidence[ROBUSTNESS],
        evidence.config.radius,
        evidence[CERTIFICATES],
        norm=evidence.config.norm,
        title=heading(evidence),
    )


RADIUS_CURVES = Figure(
    "radius_curves",
    ROBUSTNESS,
    "Robust accuracy under the strongest of all attacks, mean over seeds with the hull of the seeds' "
    "exact 95% intervals. Attacks bound robust accuracy from above, certificates (dashed, where there are any) "
    "from below: it lies in between. Thin: without the attack that knows where the net has its kinks.",
    _radius_curves,
)

"""Accuracy by the rank of the adversarial update: the table that nets of several papers share."""

from __future__ import annotations

from purifyjax import plots
from theory_checks.evidence import Table
from theory_checks.figure import Figure, heading

RANKS = Table(
    "ranks",
    "What a net gets right after adversarial training whose update of the clean weights has at most this rank.",
    {
        "experiment": "name of the experiment",
        "seed": "number of the seed",
        "net": "which net",
        "rank": "bound on the rank of w′ − w; 0: before adversarial training",
        "full": "whether the update is unrestricted",
        "clean": "points classified rightly",
        "robust": "points right under every attack",
        "lost": "points of the unrestricted net that the net of the rank loses",
        "points": "points in all",
    },
)
CURVES = Figure(
    "ranks",
    RANKS,
    "Accuracy against the rank of the update of the clean weights, beside the unrestricted update with the two "
    "points that a rank may lose; mean and range over seeds.",
    lambda evidence: plots.ranks.figure(evidence[RANKS], title=heading(evidence)),
)

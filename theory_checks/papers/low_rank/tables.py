"""The table of the low-rank experiment, beside those that are shared."""

from __future__ import annotations

from theory_checks.evidence import Table

UPDATES = Table(
    "updates",
    "How dense the unrestricted update w′ − w of a net is, and where updates point.",
    {
        "experiment": "name of the experiment",
        "seed": "number of the seed",
        "net": "which net",
        "energy": "share of ‖w′ − w‖² in as many of its top singular values as the smallest rank tested",
        "energy_largest": "the same of the largest rank tested",
        "cosine": "|cos(v₁, Mw*)| of its top right singular vector",
        "cosine_lowest": "the same of the smallest rank's update",
    },
)

"""The tables of structured data, beside those that are shared."""

from __future__ import annotations

from theory_checks.evidence import Table

_HEAD = {"experiment": "name of the experiment", "seed": "number of the seed"}

ALIGNMENTS = Table(
    "alignments",
    "What a class's filters have learned at a logged step of training.",
    _HEAD
    | {
        "net": "clean or robust",
        "step": "of the training",
        "loss": "mean cross-entropy since the last row",
        "label": "the class",
        "robust": "max_r ⟨w_r, u⟩, u the class's robust feature",
        "nonrobust": "max_r ⟨w_r, v⟩, v its non-robust feature",
    },
)
RACE = Table(
    "race",
    "Which feature a small network without noise has learned.",
    _HEAD
    | {
        "radius": "ε of the adversary",
        "strength": "β of the non-robust feature",
        "log_ratio": "log of its alignment over the robust feature's, means over classes",
        "predicted": "β at which they are equal, by theory",
    },
)

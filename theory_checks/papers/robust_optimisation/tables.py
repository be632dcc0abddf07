"""The tables of robust optimisation, beside those that are shared."""

from __future__ import annotations

from theory_checks.evidence import Table

OUTCOMES = Table(
    "outcomes",
    "What a net answers to one test image, or to an adversarial version of it.",
    {
        "experiment": "name of the experiment",
        "seed": "number of the seed",
        "net": "which of its nets; other baseline: the next seed's, which had no part in making the collection",
        "attack": "none, or after its norm the attack's name, worst or collection",
        "radius": "of the perturbations, in units of the pixels' standard deviation; NaN for a collection",
        "point": "number of the test image; of a collection only those that belong to it",
        "right": "whether it is classified rightly",
    },
)
COSTS = Table(
    "costs",
    "One timing of a few training steps of a net, of one seed.",
    {
        "net": "whose recipe",
        "repeat": "number of the timing",
        "ratio": "of its time to that of the baseline's steps",
    },
)

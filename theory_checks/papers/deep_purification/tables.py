"""The tables of purification in convolutional nets, beside those that are shared."""

from __future__ import annotations

from theory_checks.evidence import Table

ANGLES = Table(
    "angles",
    "How far a filter of one net is from the same filter of another.",
    {
        "experiment": "name of the experiment",
        "seed": "number of the seed",
        "architecture": "of the nets",
        "layer": "path of its weights",
        "pair": "the two nets",
        "filter": "number of the filter",
        "angle": "in degrees",
    },
)
SPARSITY = Table(
    "sparsity",
    "How well one image or perturbation is rebuilt from a few first-layer filters at any positions.",
    {
        "experiment": "name of the experiment",
        "seed": "number of the seed",
        "filters": "the net whose filters they are",
        "signal": "images, or perturbations of a net",
        "point": "number of the test image",
        "atoms": "how many filters",
        "error": "relative, in ℓ2",
    },
)

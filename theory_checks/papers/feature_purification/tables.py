"""The tables of feature purification, beside those that are shared."""

from __future__ import annotations

from theory_checks.evidence import Table

_HEAD = {"experiment": "name of the experiment", "seed": "number of the seed"}

HISTORY = Table(
    "history",
    "A logged step of training.",
    _HEAD
    | {
        "stage": "clean or robust",
        "step": "over both stages",
        "loss": "mean logistic loss since the last row",
        "clean_accuracy": "share of fresh points",
        "robust_accuracy": "share of fresh points under PGD at the monitored radius",
    },
)
COORDINATES = Table(
    "coordinates",
    "A coordinate of one example neuron a seed, in the dictionary basis.",
    _HEAD
    | {
        "neuron": "number of the neuron",
        "coordinate": "number of the feature",
        "init": "of Mᵀw⁰",
        "clean": "of Mᵀw",
        "robust": "of Mᵀw′",
    },
)
PERTURBATIONS = Table(
    "perturbations",
    "The strongest perturbation δ at τ of one point on one net.",
    _HEAD
    | {
        "net": "clean or robust",
        "point": "number of the point, the same for both nets",
        "participation": "effective number of coordinates of Mᵀδ",
        "mixture_cosine": "|cos(δ, Mw*)|",
        "margin": "y f(x + δ)",
    },
)
PERTURBATION_COORDINATES = Table(
    "perturbation_coordinates",
    "A coordinate of the strongest perturbation of one example point a seed, the same point for both nets.",
    _HEAD
    | {
        "net": "clean or robust",
        "coordinate": "number of the feature",
        "value": "y (Mᵀδ)_j",
        "code": "y (Mᵀx)_j",
    },
)
TRANSFER = Table(
    "transfer",
    "How many points the target seed's net gets right under perturbations found on the source seed's.",
    {
        "experiment": "name of the experiment",
        "net": "clean, robust, or clean to robust",
        "source": "seed of the net that δ was found on",
        "target": "seed of the net that it is tried on",
        "correct": "points classified rightly",
        "points": "points in all",
    },
)

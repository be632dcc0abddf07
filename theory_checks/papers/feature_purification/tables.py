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
        "step": "over both stages; 0 for w⁰",
        "loss": "mean logistic loss since the last row; NaN at w⁰, as are accuracies",
        "clean_accuracy": "share of fresh points",
        "robust_accuracy": "share of fresh points under PGD at the monitored radius",
        "mixture": "median over neurons of C, the coefficient of the dense mixture",
        "dense": "median over neurons of a in Mᵀw = c e_j + a w* + rest",
        "feature": "median over neurons of |c|",
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

UNTOUCHED = "none"
MECHANISM = Table(
    "mechanism",
    "How many fresh points an operated net gets right under the worst of the attacks.",
    _HEAD
    | {
        "net": "clean or robust, the one that is operated on",
        "change": "what is done to it; none, or trained on without an adversary",
        "radius": "of the perturbations",
        "correct": "points classified rightly",
        "differs": "points whose outcome is not that of the untouched net; empty where that saw fewer points",
        "points": "points attacked",
        "spent": "share of an interval's error that may be spent at so many points",
    },
)
MIXTURES = Table(
    "mixtures",
    "What the dense mixture of a seed's clean net is to clean data.",
    _HEAD
    | {
        "margin_share": "of the mean margin, the part that is gone without the mixture",
        "largest_cosine": "max |cos(x, Mw*)| over the fresh points",
        "points": "fresh points",
    },
)
DIAL = Table(
    "dial",
    "An operated net of a seed under thresholds of c standard deviations.",
    _HEAD
    | {
        "net": "clean or robust, the one that is operated on",
        "change": "what is done to it; none",
        "c": "threshold b_i in units of ‖w_i‖ √(E z_j²)",
        "clean_accuracy": "share of fresh points",
        "robust_accuracy": "share of fresh points under the worst of the attacks at τ",
        "fires_present": "share of pairs of a neuron and a point with its feature in which it fires",
        "fires_absent": "share of pairs of a neuron and a point without its feature in which it fires",
        "linear": "adjusted R² of the best linear fit to f",
        "points": "fresh points of the accuracies",
    },
)
CLEAN_TRAININGS = Table(
    "clean_trainings",
    "How many fresh points a net of a clean training gets right, and right under the worst of the attacks at τ.",
    _HEAD
    | {
        "axis": "what differs from the default training: sample size, weight decay or optimiser",
        "training": "what it is there",
        "value": "N, infinite for a fresh sample at every step, or λ",
        "clean": "points classified rightly",
        "robust": "points right under every attack",
        "points": "points in all",
    },
)

"""All figures of the evidence, and which claims each one illustrates."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from purifyjax.plots import (
    alignments,
    classes,
    cosines,
    neuron,
    perturbation,
    race,
    radius_curves,
    style,
    training_curves,
    transfer,
)
from theory_checks.evidence import Evidence


def _heading(evidence: Evidence) -> str:
    return f"Experiment {evidence.experiment}"


def _radius_curves(evidence: Evidence) -> Figure:
    return radius_curves.figure(
        evidence.robustness,
        evidence.radius,
        evidence.certificates,
        norm=evidence.config.get("norm", "l2"),
        title=_heading(evidence),
    )


def _neuron(evidence: Evidence) -> Figure:
    # One neuron of one seed: the others are in the table.
    rows = evidence.coordinates
    seed = rows["seed"].min()
    index = rows.loc[rows["seed"] == seed, "neuron"].iloc[0]
    return neuron.figure(
        rows.loc[(rows["seed"] == seed) & (rows["neuron"] == index)],
        title=f"{_heading(evidence)}, neuron {index} of seed {seed}",
    )


def _perturbation(evidence: Evidence) -> Figure:
    # One point of one seed: the others are in the table.
    rows, data = evidence.perturbation_coordinates, evidence.config["training"]["data"]
    seed = rows["seed"].min()
    return perturbation.figure(
        rows.loc[rows["seed"] == seed],
        evidence.perturbations,
        dense=data["dimension"] / 3,
        pure=3 * data["sparsity"],
        title=f"{_heading(evidence)}, a fresh point of seed {seed}",
    )


def _transfer(evidence: Evidence) -> Figure:
    return transfer.figure(evidence.transfer, title=_heading(evidence))


def _cosines(evidence: Evidence) -> Figure:
    return cosines.figure(evidence.neurons, title=_heading(evidence))


def _classes(evidence: Evidence) -> Figure:
    bound = float(evidence.class_bounds["with_intercept"].iloc[0])
    return classes.figure(evidence.classes, evidence.radius, bound=bound, title="Simpler classes beside the network")


def _training_curves(evidence: Evidence) -> Figure:
    return training_curves.figure(
        evidence.history, radius=evidence.config.get("monitored_radius"), title=_heading(evidence)
    )


def _alignments(evidence: Evidence) -> Figure:
    return alignments.figure(evidence.alignments, title=_heading(evidence))


def _race(evidence: Evidence) -> Figure:
    boundary = evidence.race.groupby("radius").predicted.first()

    line = np.polynomial.Polynomial.fit(boundary.index, boundary, 1)
    return race.figure(evidence.race, line, title="The race of the features")


_Draw = Callable[[Evidence], Figure]

# Kind of figure: how it is drawn, what it shows, and the claims that it illustrates.
KINDS: dict[str, tuple[_Draw, str, tuple[str, ...]]] = {
    "training_curves": (
        _training_curves,
        "Loss and accuracies through training, mean and range over seeds.",
        ("clean-accuracy", "infinite-data"),
    ),
    "radius_curves": (
        _radius_curves,
        "Robust accuracy under the strongest of all attacks, mean over seeds with the hull of the seeds' "
        "exact 95% intervals. Attacks bound robust accuracy from above, certificates (dashed, where there are any) "
        "from below: it lies in between.",
        (
            "clean-nonrobust",
            "noise-robust",
            "adversarial-robust",
            "adversarial-robust-pgd",
            "any-perturbation",
            "linf",
            "standard-nonrobust",
            "adversarial-robust-patches",
        ),
    ),
    "cosines": (
        _cosines,
        "Absolute cosines between initial, clean and robust weights, over live neurons.",
        ("init-decorrelated", "decomposition"),
    ),
    "neuron": (
        _neuron,
        "One neuron in the basis of the dictionary, in units of its norm.",
        ("dense-mixture", "purification"),
    ),
    "perturbation": (
        _perturbation,
        "The strongest perturbation of one point on either net in the basis of the dictionary, and over all points "
        "the effective number of coordinates.",
        ("pure-perturbations",),
    ),
    "transfer": (
        _transfer,
        "Accuracy of every seed's net under perturbations found on every other's.",
        ("transfer",),
    ),
    "classes": (
        _classes,
        "Left: clean against robust accuracy of every trained model of the simpler classes and seed, beside the "
        "adversarially trained network. Right: the most robust model of each class against the radius, mean and range "
        "over seeds.",
        ("linear-bound", "polynomial-bound", "ntk-bound"),
    ),
    "alignments": (
        _alignments,
        "The filters' largest alignment with the robust and with the non-robust features through both trainings, mean "
        "and range over seeds.",
        ("standard-fits", "standard-features", "adversarial-fits", "adversarial-features"),
    ),
    "race": (
        _race,
        "Which feature the filters are aligned with after training, by the strength of the non-robust one and the "
        "radius of the adversary, with the predicted and the measured boundary.",
        ("feature-race",),
    ),
}
# The table that each kind draws: without rows in it there is no figure.
_NEEDS = {
    "training_curves": "history",
    "radius_curves": "robustness",
    "cosines": "neurons",
    "neuron": "coordinates",
    "perturbation": "perturbation_coordinates",
    "transfer": "transfer",
    "classes": "classes",
    "alignments": "alignments",
    "race": "race",
}


def draw_figures(directory: str | os.PathLike[str], evidences: Sequence[Evidence]) -> dict[str, Path]:
    """Draw every kind of figure for every experiment into `directory`, as PNG and SVG.

    Returns:
      Path of each PNG by name, EXPERIMENT-KIND; the SVG lies beside it.
    """
    figures = {}
    for evidence in evidences:
        for kind, (draw, _, _) in KINDS.items():
            if getattr(evidence, _NEEDS[kind]).empty:
                continue
            name = f"{evidence.experiment}-{kind}"
            figures[name], _svg = style.save(draw(evidence), Path(directory) / name)
    return figures


def caption(name: str) -> str:
    """What the figure called `name` shows; empty for an unknown one."""
    return KINDS[_kind(name)][1] if _kind(name) in KINDS else ""


def illustrates(name: str, claim: str, experiment: str) -> bool:
    """Whether the figure called `name` illustrates `claim`, measured on `experiment`."""
    kind = _kind(name)
    measured = experiment.split(", ")
    return any(name == f"{one}-{kind}" for one in measured) and kind in KINDS and claim in KINDS[kind][2]


def _kind(name: str) -> str:
    return name.rpartition("-")[2]

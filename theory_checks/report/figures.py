"""All figures of the evidence, and which claims each one illustrates."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from purifyjax.plots import (
    alignments,
    angles,
    classes,
    cosines,
    natural,
    neuron,
    perturbation,
    pictures,
    race,
    radius_curves,
    ranks,
    robust_optimisation,
    sparsity_curves,
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


def _robust_optimisation(evidence: Evidence) -> Figure:
    radii = evidence.config["radii"]
    return robust_optimisation.figure(evidence.image_robustness, radii=radii, title=_heading(evidence))


def _angles(evidence: Evidence) -> Figure:
    return angles.figure(evidence.angles, title=_heading(evidence))


def _sparsity_curves(evidence: Evidence) -> Figure:
    return sparsity_curves.figure(evidence.sparsity, title=_heading(evidence))


def _ranks(evidence: Evidence) -> Figure:
    return ranks.figure(evidence.ranks, title=_heading(evidence))


def _natural(evidence: Evidence) -> Figure:
    return natural.figure(
        evidence.codes, evidence.robustness, evidence.pictures, evidence.radius, title=_heading(evidence)
    )


def _pictures(name: str) -> Callable[[Evidence], Figure]:
    def draw(evidence: Evidence) -> Figure:
        rows = evidence.pictures[evidence.pictures.figure == name]
        return pictures.figure(rows, title=f"{_heading(evidence)}: {name}")

    return draw


class Kind(NamedTuple):
    """A kind of figure.

    Attributes:
      draw: from an experiment's evidence.
      table: the name of the table that it draws: without rows in it there is no figure.
      caption: what it shows.
      claims: the ids of those that it illustrates.
      figure: of the table of pictures, which of them.
      several: whether it shows a table of several experiments, which the others do not tell apart.
    """

    draw: Callable[[Evidence], Figure]
    table: str
    caption: str
    claims: tuple[str, ...]
    figure: str = ""
    several: bool = False

    def shows(self, evidence: Evidence) -> bool:
        """Whether the evidence has anything to draw."""
        rows = getattr(evidence, self.table)
        if rows.empty or (self.figure and not (rows.figure == self.figure).any()):
            return False
        return self.several or "experiment" not in rows or rows.experiment.nunique() == 1


KINDS: dict[str, Kind] = {
    "training_curves": Kind(
        _training_curves,
        "history",
        "Loss and accuracies through training, mean and range over seeds.",
        ("clean-accuracy", "infinite-data"),
    ),
    "radius_curves": Kind(
        _radius_curves,
        "robustness",
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
    "cosines": Kind(
        _cosines,
        "neurons",
        "Absolute cosines between initial, clean and robust weights, over live neurons.",
        ("init-decorrelated", "decomposition"),
    ),
    "neuron": Kind(
        _neuron,
        "coordinates",
        "One neuron in the basis of the dictionary, in units of its norm.",
        ("dense-mixture", "purification"),
    ),
    "perturbation": Kind(
        _perturbation,
        "perturbation_coordinates",
        "The strongest perturbation of one point on either net in the basis of the dictionary, and over all points "
        "the effective number of coordinates.",
        ("pure-perturbations",),
    ),
    "transfer": Kind(
        _transfer,
        "transfer",
        "Accuracy of every seed's net under perturbations found on every other's.",
        ("transfer",),
    ),
    "classes": Kind(
        _classes,
        "classes",
        "Left: clean against robust accuracy of every trained model of the simpler classes and seed, beside the "
        "adversarially trained network. Right: the most robust model of each class against the radius, mean and range "
        "over seeds.",
        ("linear-bound", "polynomial-bound", "ntk-bound"),
    ),
    "alignments": Kind(
        _alignments,
        "alignments",
        "The filters' largest alignment with the robust and with the non-robust features through both trainings, mean "
        "and range over seeds.",
        ("standard-fits", "standard-features", "adversarial-fits", "adversarial-features"),
    ),
    "race": Kind(
        _race,
        "race",
        "Which feature the filters are aligned with after training, by the strength of the non-robust one and the "
        "radius of the adversary, with the predicted and the measured boundary.",
        ("feature-race",),
    ),
    "robust_optimisation": Kind(
        _robust_optimisation,
        "outcomes",
        "Accuracy on test images against the radius, a panel an attack and a curve a net; mean and range over seeds.",
        ("ro-trained-attack", "ro-clean-accuracy", "ro-collection"),
    ),
    "single_pixels": Kind(
        _pictures("single pixels"),
        "pictures",
        "Test images that the baseline gets right until one entry changes: before and after, with the answers.",
        ("ro-trained-attack",),
        figure="single pixels",
    ),
    "angles": Kind(
        _angles,
        "angles",
        "Angles between matching filters of two nets, by layer: shares of the filters, mean and range over seeds.",
        ("real-nets-init", "real-nets-aligned"),
    ),
    "filters": Kind(
        _pictures("filters"),
        "pictures",
        "First-layer filters before training, after clean and after adversarial training of the first seed.",
        ("real-nets-aligned", "real-nets-init"),
        figure="filters",
    ),
    "maximisers": Kind(
        _pictures("maximisers"),
        "pictures",
        "Inputs of an image's usual length that excite neurons of the second layer most, of the first seed.",
        ("real-nets-aligned",),
        figure="maximisers",
    ),
    "perturbations": Kind(
        _pictures("perturbations"),
        "pictures",
        "Test images and the strongest perturbations of either net at the same radius, of the first seed.",
        ("real-nets-sparse",),
        figure="perturbations",
    ),
    "ranks": Kind(
        _ranks,
        "ranks",
        "Accuracy against the rank of the update of the clean weights, beside the unrestricted update with the two "
        "points that a rank may lose; mean and range over seeds.",
        ("low-rank",),
    ),
    "codes": Kind(
        _natural,
        "codes",
        "Codes of photographs: atoms of the dictionary, how many coordinates are nonzero, how often two are so "
        "together, and robust accuracy of nets trained on them, on shuffled codes and on the theory's own.",
        ("natural-codes", "natural-nonrobust", "natural-robust", "natural-purification"),
        several=True,
    ),
    "sparsity_curves": Kind(
        _sparsity_curves,
        "sparsity",
        "Relative error of images and of perturbations, rebuilt from so many first-layer filters of a net.",
        ("real-nets-sparse",),
    ),
}


def draw_figures(directory: str | os.PathLike[str], evidences: Sequence[Evidence]) -> dict[str, Path]:
    """Draw every kind of figure for every experiment into `directory`, as PNG and SVG.

    Returns:
      Path of each PNG by name, EXPERIMENT-KIND; the SVG lies beside it.
    """
    figures = {}
    for evidence in evidences:
        for name, kind in KINDS.items():
            if kind.shows(evidence):
                name = f"{evidence.experiment}-{name}"
                figures[name], _svg = style.save(kind.draw(evidence), Path(directory) / name)
    return figures


def caption(name: str) -> str:
    """What the figure called `name` shows; empty for an unknown one."""
    return KINDS[_kind(name)].caption if _kind(name) in KINDS else ""


def illustrates(name: str, claim: str, experiment: str) -> bool:
    """Whether the figure called `name` illustrates `claim`, measured on `experiment`."""
    kind = _kind(name)
    measured = experiment.split(", ")
    return any(name == f"{one}-{kind}" for one in measured) and kind in KINDS and claim in KINDS[kind].claims


def _kind(name: str) -> str:
    return name.rpartition("-")[2]

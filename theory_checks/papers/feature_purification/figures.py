"""The figures of feature purification."""

from __future__ import annotations

from purifyjax import plots
from theory_checks.evidence import Evidence
from theory_checks.figure import Figure, heading
from theory_checks.measuring.neurons import NEURONS
from theory_checks.papers.feature_purification.tables import (
    CLEAN_TRAININGS,
    COORDINATES,
    DIAL,
    HISTORY,
    MECHANISM,
    PERTURBATION_COORDINATES,
    PERTURBATIONS,
    TRANSFER,
)


def _neuron(evidence: Evidence):
    # One neuron of one seed: the others are in the table.
    rows = evidence[COORDINATES]
    seed = rows["seed"].min()
    index = rows.loc[rows["seed"] == seed, "neuron"].iloc[0]
    return plots.neuron.figure(
        rows.loc[(rows["seed"] == seed) & (rows["neuron"] == index)],
        title=f"{heading(evidence)}, neuron {index} of seed {seed}",
    )


def _perturbation(evidence: Evidence):
    # One point of one seed: the others are in the table.
    rows, data = evidence[PERTURBATION_COORDINATES], evidence.config.training.data
    seed = rows["seed"].min()
    return plots.perturbation.figure(
        rows.loc[rows["seed"] == seed],
        evidence[PERTURBATIONS],
        dense=data.dimension / 3,
        pure=3 * data.sparsity,
        title=f"{heading(evidence)}, a fresh point of seed {seed}",
    )


def _training_curves(evidence: Evidence):
    return plots.training_curves.figure(
        evidence[HISTORY], radius=evidence.config.monitored_radius, title=heading(evidence)
    )


OPERATED = Figure(
    "mechanism",
    MECHANISM,
    "Accuracy at τ of both nets with the mixture and without it, and of the controls, mean and range over seeds.",
    lambda evidence: plots.mechanism.figure(
        evidence[MECHANISM], radius=evidence.config.radius, title=heading(evidence)
    ),
)
DIALS = Figure(
    "dial",
    DIAL,
    "Four nets under thresholds from the linear to the deaf regime: accuracies at τ, selectivity, linear R².",
    lambda evidence: plots.dial.figure(evidence[DIAL], title=heading(evidence)),
)
TRAINING_CURVES = Figure(
    "training_curves", HISTORY, "Loss and accuracies through training, mean and range over seeds.", _training_curves
)
ACCUMULATION = Figure(
    "accumulation",
    HISTORY,
    "The median neuron's mixture and feature through training, mean and range over seeds.",
    lambda evidence: plots.accumulation.figure(evidence[HISTORY], title=heading(evidence)),
)
CLEAN_CURVES = Figure(
    "clean_trainings",
    CLEAN_TRAININGS,
    "Clean nets, however trained: clean accuracy and accuracy at τ, mean and range over seeds.",
    lambda e: plots.clean_trainings.figure(e[CLEAN_TRAININGS], radius=e.config.radius, bound=0.01, title=heading(e)),
)
COSINES = Figure(
    "cosines",
    NEURONS,
    "Absolute cosines between initial, clean and robust weights, over live neurons.",
    lambda evidence: plots.cosines.figure(evidence[NEURONS], title=heading(evidence)),
)
NEURON = Figure("neuron", COORDINATES, "One neuron in the basis of the dictionary, in units of its norm.", _neuron)
PERTURBATION = Figure(
    "perturbation",
    PERTURBATION_COORDINATES,
    "The strongest perturbation of one point on either net in the basis of the dictionary, and over all points "
    "the effective number of coordinates.",
    _perturbation,
)
TRANSFERS = Figure(
    "transfer",
    TRANSFER,
    "Accuracy of every seed's net under perturbations found on every other's.",
    lambda evidence: plots.transfer.figure(evidence[TRANSFER], title=heading(evidence)),
)

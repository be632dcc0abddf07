"""From a trained experiment to its evidence: attacks, perturbations, neuron statistics, history."""

from __future__ import annotations

import numpy as np

from theory_checks.evidence import Evidence
from theory_checks.experiments import Experiment, Profile
from theory_checks.measure.certificates import certificate_ticks, certificates
from theory_checks.measure.classes import class_ticks, classes
from theory_checks.measure.history import history, settings
from theory_checks.measure.networks import NETS, Arrays, Tick
from theory_checks.measure.neurons import coordinates, neurons
from theory_checks.measure.perturbations import (
    PERTURBATION_TICKS,
    perturbation_coordinates,
    perturbations,
    strongest,
    transfer,
)
from theory_checks.measure.robustness import ROBUSTNESS_TICKS, monitor, robustness

__all__ = ["NETS", "class_ticks", "classes", "measure", "monitor", "ticks"]


def ticks(experiment: Experiment, seeds: int) -> int:
    """How often `measure` calls `tick`, in all."""
    return ROBUSTNESS_TICKS + PERTURBATION_TICKS + certificate_ticks(experiment, seeds)


def measure(profile: Profile, experiment: Experiment, seeds: np.ndarray, arrays: Arrays, tick: Tick) -> Evidence:
    """Everything the claims look at, for one experiment."""
    table = neurons(experiment, seeds, arrays)
    found = strongest(profile, experiment, seeds, arrays, tick)
    sparsity = perturbations(experiment, seeds, found)
    attacked = robustness(profile, experiment, seeds, arrays, tick)
    return Evidence(
        experiment=experiment.name,
        config=settings(profile, experiment, seeds) | {"attack_warnings": attacked.warnings},
        radius=experiment.radius,
        robustness=attacked.accuracies,
        wins=attacked.wins,
        neurons=table,
        history=history(experiment, seeds, arrays),
        coordinates=coordinates(experiment, seeds, arrays, table),
        perturbations=sparsity,
        perturbation_coordinates=perturbation_coordinates(experiment, seeds, found, sparsity),
        transfer=transfer(experiment, seeds, arrays, found),
        certificates=certificates(profile, experiment, seeds, arrays, tick),
    )

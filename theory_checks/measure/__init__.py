"""From a trained experiment to its evidence: attacks, neuron statistics, history."""

from __future__ import annotations

import numpy as np

from theory_checks.evidence import Evidence
from theory_checks.experiments import Experiment, Profile
from theory_checks.measure.history import history, settings
from theory_checks.measure.networks import NETS, Arrays, Tick
from theory_checks.measure.neurons import coordinates, neurons
from theory_checks.measure.robustness import ROBUSTNESS_TICKS, monitor, robustness

__all__ = ["NETS", "ROBUSTNESS_TICKS", "measure", "monitor"]


def measure(profile: Profile, experiment: Experiment, seeds: np.ndarray, arrays: Arrays, tick: Tick) -> Evidence:
    """Everything the claims look at, for one experiment."""
    table = neurons(experiment, seeds, arrays)
    return Evidence(
        experiment=experiment.name,
        config=settings(profile, experiment, seeds),
        radius=profile.radius,
        robustness=robustness(profile, experiment, seeds, arrays, tick),
        neurons=table,
        history=history(experiment, seeds, arrays),
        coordinates=coordinates(experiment, seeds, arrays, table),
    )

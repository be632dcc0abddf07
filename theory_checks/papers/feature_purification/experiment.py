"""The experiments of feature purification: FGM, PGD and ℓ∞, each at the profiles' sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from purifyjax.attacks import PGD
from purifyjax.balls import Ball
from purifyjax.training import Training
from theory_checks.experiment import Arrays, Experiment, Found, Nets, Seeds, Stage
from theory_checks.measuring.attacked import CERTIFICATES, Evaluation
from theory_checks.measuring.neurons import NEURONS, neurons
from theory_checks.measuring.robustness import robustness
from theory_checks.measuring.two_layer import (
    NETS,
    SIZES,
    Monitor,
    feature_purification,
    fixed_arrays,
    initial_states,
    named_arrays,
    stages,
)
from theory_checks.papers.feature_purification import measure
from theory_checks.papers.feature_purification import perturbations as strongest
from theory_checks.papers.feature_purification.config import Certification, PurificationConfig
from theory_checks.papers.feature_purification.tables import (
    COORDINATES,
    HISTORY,
    PERTURBATION_COORDINATES,
    PERTURBATIONS,
    TRANSFER,
)
from theory_checks.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Purification(PurificationConfig):
    """Train w⁰ → w → w′; attack, certify and take apart both nets."""

    cost: ClassVar[float] = 9.0

    def stages(self) -> tuple[Stage, ...]:
        return stages(self.training, Monitor(Ball(self.monitored_radius, self.norm)))

    def measure(self, seeds: Seeds, nets: Nets, progress: Progress) -> Found:
        initial = np.asarray(initial_states(self.training, seeds).weight)
        table = neurons(self.name, seeds, initial, nets, self.training.data, self.neurons)
        tables = {
            NEURONS: table,
            HISTORY: measure.history(self, seeds, nets),
            COORDINATES: measure.coordinates(self, seeds, initial, nets, table),
        }
        arrays: Arrays = {}
        for part in progress.over(("perturbations", "attacks", "certificates")):
            if part == "perturbations":
                found = strongest.strongest(self, seeds, nets, progress)
                tables[PERTURBATIONS] = sparsity = strongest.perturbations(self, seeds, found)
                tables[PERTURBATION_COORDINATES] = strongest.perturbation_coordinates(self, seeds, found, sparsity)
                arrays = {net: np.asarray(found[net].perturbation) for net in NETS}
            elif part == "attacks":
                attacked = (self.training.neurons, self.training.data, self.ball, self.evaluation)
                tables |= robustness(self.name, seeds, nets, *attacked, progress)
            else:
                tables[CERTIFICATES] = measure.certificates(self, seeds, nets, progress)
        return Found(tables, arrays)

    def together(self, seeds: Seeds, nets: Nets, found: Arrays, progress: Progress) -> Found:
        del progress
        return Found({TRANSFER: strongest.transfer(self, seeds, nets, found)})

    def trajectory(self, seeds: Seeds, nets: Nets) -> Mapping[str, np.ndarray]:
        initial = {"w_init": np.asarray(initial_states(self.training, seeds).weight)}
        return initial | fixed_arrays(self.training.data) | named_arrays(nets)


def with_pgd(training: Training, steps: int) -> Training:
    """The same run with PGD as the inner maximisation of its robust stage."""
    robust = tuple(phase.replace(adversary=PGD.for_training(steps)) for phase in training.robust)
    return training.replace(robust=robust)


_EVALUATION = Evaluation()


def at_size(
    size: dict[str, Any], seeds: int, evaluation: Evaluation = _EVALUATION
) -> Callable[[], tuple[Experiment, ...]]:
    """The three experiments at a size: FGM on all seeds, PGD and ℓ∞ on two."""

    def experiments() -> tuple[Experiment, ...]:
        training, radius = feature_purification(**size)
        dense, epsilon = feature_purification(norm="linf", **size)
        radii, dense_radii = (0.5, 0.75, 0.875, 1.0, 1.125), (0.25, 0.5, 0.75, 1.0)
        common: dict[str, Any] = {"evaluation": evaluation}
        proven = Certification(radii, evaluation.steps)
        dense_proven = Certification(dense_radii, evaluation.steps, lowering=())
        ell2: dict[str, Any] = {"radius": radius, "monitored_radius": radius}
        ell_inf: dict[str, Any] = {"radius": epsilon, "monitored_radius": epsilon, "norm": "linf"}
        return (
            Purification(name="default", training=training, seeds=seeds, certification=proven, **ell2, **common),
            Purification(name="pgd", training=with_pgd(training, steps=2), seeds=2, **ell2, **common),
            Purification(name="linf", training=dense, seeds=2, certification=dense_proven, **ell_inf, **common),
        )

    return experiments


PROFILES: dict[str, Callable[[], tuple[Experiment, ...]]] = {
    "quick": at_size(SIZES["quick"], seeds=2),
    "standard": at_size(SIZES["standard"], seeds=4),
    "paper": at_size(SIZES["paper"], seeds=4, evaluation=Evaluation(curve_points=2048, restarts=8)),
}
SUMMARIES = {
    "quick": "d = 256, k = 15, m = 768, 2 seeds: the picture in minutes; several bounds need a larger d",
    "standard": "d = 1024, k = 31, m = 3072, 4 seeds: all claims at once, half an hour on two cores",
    "paper": "d = 4096, k = 63, m = 12288, 4 seeds: closer to the asymptotic regime, for a GPU or TPU",
}

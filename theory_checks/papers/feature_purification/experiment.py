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
from theory_checks.measuring.neurons import NEURONS, SELECTIVITY, neurons, selectivity
from theory_checks.measuring.robustness import robustness
from theory_checks.measuring.two_layer import (
    NETS,
    SIZES,
    Monitor,
    continued,
    feature_purification,
    fixed_arrays,
    initial_states,
    named_arrays,
    stages,
)
from theory_checks.papers.feature_purification import measure
from theory_checks.papers.feature_purification import perturbations as strongest
from theory_checks.papers.feature_purification.config import Certification, PurificationConfig, Surgery
from theory_checks.papers.feature_purification.dial import dial
from theory_checks.papers.feature_purification.mechanism import mechanism, mixtures
from theory_checks.papers.feature_purification.tables import (
    COORDINATES,
    DIAL,
    HISTORY,
    MECHANISM,
    MIXTURES,
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
        monitor = Monitor(Ball(self.monitored_radius, self.norm))
        found = stages(self.training, monitor)
        return found if self.surgery is None else (*found, continued(self.training, monitor))

    def measure(self, seeds: Seeds, nets: Nets, progress: Progress) -> Found:
        initial = np.asarray(initial_states(self.training, seeds).weight)
        table = neurons(self.name, seeds, initial, nets, self.training.data, self.neurons)
        tables = {
            NEURONS: table,
            SELECTIVITY: selectivity(self.name, seeds, nets, self.training.data, self.neurons),
            HISTORY: measure.history(self, seeds, nets),
            COORDINATES: measure.coordinates(self, seeds, initial, nets, table),
        }
        arrays: Arrays = {}
        operations = () if self.surgery is None else ("mechanism", "dial")
        for part in progress.over(("perturbations", "attacks", *operations, "certificates")):
            if part == "perturbations":
                found = strongest.strongest(self, seeds, nets, progress)
                tables[PERTURBATIONS] = sparsity = strongest.perturbations(self, seeds, found)
                tables[PERTURBATION_COORDINATES] = strongest.perturbation_coordinates(self, seeds, found, sparsity)
                arrays = {net: np.asarray(found[net].perturbation) for net in NETS}
            elif part == "attacks":
                attacked = (self.training.neurons, self.training.data, self.ball, self.evaluation)
                tables |= robustness(self.name, seeds, nets, *attacked, progress)
            elif part == "mechanism" and self.surgery is not None:
                tables[MECHANISM] = mechanism(self, self.surgery, seeds, nets, progress)
                tables[MIXTURES] = mixtures(self, self.surgery, seeds, nets)
            elif part == "dial" and self.surgery is not None:
                tables[DIAL] = dial(self, self.surgery, seeds, nets, progress)
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
_QUICK = Evaluation(points=2048, curve_points=256, curve=(0.5, 0.75, 1.0, 1.25, 1.5))


def at_size(
    size: dict[str, Any], seeds: int, evaluation: Evaluation = _EVALUATION, *, others: int | None = None
) -> Callable[[], tuple[Experiment, ...]]:
    """The three experiments at a size: FGM, and PGD and ℓ∞ on as many seeds, or fewer."""

    def experiments() -> tuple[Experiment, ...]:
        training, radius = feature_purification(**size)
        dense, epsilon = feature_purification(norm="linf", **size)
        radii, dense_radii = (0.5, 0.75, 0.875, 1.0, 1.125), (0.25, 0.5, 0.75, 1.0)
        beside = seeds if others is None else others
        common: dict[str, Any] = {
            "evaluation": evaluation,
        }
        proven = Certification(radii, evaluation.steps)
        dense_proven = Certification(dense_radii, evaluation.steps, lowering=())
        ell2: dict[str, Any] = {"radius": radius, "monitored_radius": radius}
        ell_inf: dict[str, Any] = {"radius": epsilon, "monitored_radius": epsilon, "norm": "linf"}
        return (
            Purification(
                name="default",
                training=training,
                certification=proven,
                surgery=Surgery(),
                seeds=seeds,
                **ell2,
                **common,
            ),
            Purification(name="pgd", training=with_pgd(training, steps=7), seeds=beside, **ell2, **common),
            Purification(name="linf", training=dense, certification=dense_proven, seeds=beside, **ell_inf, **common),
        )

    return experiments


PROFILES: dict[str, Callable[[], tuple[Experiment, ...]]] = {
    "quick": at_size(SIZES["quick"], seeds=4, evaluation=_QUICK, others=2),
    "standard": at_size(SIZES["standard"], seeds=4),
    "paper": at_size(SIZES["paper"], seeds=4, evaluation=Evaluation(curve_points=2048, restarts=8)),
}
SUMMARIES = {
    "quick": "d = 512, k = 22, m = 2048, 4 seeds: the mechanism in minutes; the two 99 : 1 bounds need a larger d",
    "standard": "d = 1024, k = 31, m = 4096, 4 seeds: all claims at once",
    "paper": "d = 4096, k = 63, m = 16384, 4 seeds: closer to the asymptotic regime, for a GPU or TPU",
}

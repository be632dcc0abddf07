"""The patch experiments of 2 and 10 classes, and the race of the features, at the profiles' sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import numpy as np

from purifyjax.commands.progress import Progress
from purifyjax.sweep import seed_keys, train_classifiers
from purifyjax.training import initial_classifier
from theory_checks.experiment import Arrays, Experiment, Found, Nets, Seeds, Stage
from theory_checks.measuring.two_layer import NETS, histories
from theory_checks.papers.structured_data import measure
from theory_checks.papers.structured_data.config import PatchConfig, PatchEvaluation, RaceConfig, patch_setting
from theory_checks.papers.structured_data.tables import ALIGNMENTS, RACE


@dataclass(frozen=True, kw_only=True)
class PatchExperiment(PatchConfig):
    """Train the patch network cleanly and adversarially from the same start; attack and certify both nets."""

    cost: ClassVar[float] = 2.0

    def stages(self) -> tuple[Stage, ...]:
        network = (self.filters, self.exponent, self.knee, self.init_scale)
        return tuple(
            Stage(
                net,
                (self.data, self.samples, network, self.recipe(net)),
                self.recipe(net).steps,
                partial(self._train, net),
            )
            for net in NETS
        )

    def _train(self, net: str, seeds: Seeds, before: Nets, **options: Any) -> Arrays:
        del before
        keys = jax.vmap(partial(jax.random.split, num=3))(seed_keys(seeds))
        network = self.network()
        x, y = measure.training_sample(self, seeds)
        # Both nets start from the same weights, on the same sample.
        states = jax.vmap(lambda key: initial_classifier(key, network, x[0, :1]))(keys[:, 1])
        watch = measure.monitor(self)
        found = train_classifiers(keys[:, 2], states, network, self.recipe(net), x, y, monitor=watch, **options)
        return {"weight": np.asarray(found.state.params["weight"])} | histories(found.history, len(seeds))

    def measure(self, seeds: Seeds, nets: Nets, progress: Progress) -> Found:
        tables = measure.robustness(self, seeds, nets, progress)
        return Found(tables | {ALIGNMENTS: measure.alignments(self, seeds, nets)})


@dataclass(frozen=True, kw_only=True)
class Race(RaceConfig):
    """Who wins at every strength and radius."""

    cost: ClassVar[float] = 0.5

    def measure(self, seeds: Seeds, nets: Nets, progress: Progress) -> Found:
        del nets
        return Found({RACE: measure.race(self, seeds, progress)})


def patches(classes: int, seeds: int, **changes: Any) -> PatchExperiment:
    """The experiment with K classes."""
    return PatchExperiment(seeds=seeds, **patch_setting(classes) | changes)


def _sizes(seeds: int, races: int, **changes: Any) -> Callable[[], tuple[Experiment, ...]]:
    return lambda: (patches(2, seeds, **changes), patches(10, seeds, **changes), Race(name="race", seeds=races))


# Fewer points, and along the curve none but those that a figure needs.
_QUICK = PatchEvaluation(points=512, curve_points=64, curve=(0.5, 1.0, 1.5), universal_times=4, certified=(0.5, 1.0))


PROFILES: dict[str, Callable[[], tuple[Experiment, ...]]] = {
    "quick": _sizes(seeds=1, races=3, evaluation=_QUICK),
    "standard": _sizes(seeds=5, races=16),
    "paper": _sizes(seeds=8, races=16),
}
SUMMARIES: dict[str, str] = {}

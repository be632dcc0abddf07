"""Clean training on samples of any size, with any weight decay, by any optimiser: is one of them to blame?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
import pandas as pd

from purifyjax.balls import Ball
from purifyjax.commands.progress import Progress
from purifyjax.training import Phase, Training, validate
from theory_checks.experiment import Found, Nets, Seeds, Stage
from theory_checks.measuring.known import worst_case
from theory_checks.measuring.points import attack_keys, fresh_points
from theory_checks.measuring.robustness import strongest_pair
from theory_checks.measuring.two_layer import Monitor, OfTraining, margin_of, parameters, stages
from theory_checks.papers.feature_purification.tables import CLEAN_TRAININGS

SAMPLE, DECAY, OPTIMISER = "sample size", "weight decay", "optimiser"
# One step of Adam is as long as its rate, whatever the gradient: rates that train as selective a net as heavy ball.
_ADAM = 0.03


class Variation(NamedTuple):
    """A clean training that differs from the default one in one thing.

    Attributes:
      axis: sample size, weight decay or optimiser.
      name: what it is, in words.
      value: N (∞ for fresh samples) or λ; NaN of an optimiser.
      training: the whole run.
    """

    axis: str
    name: str
    value: float
    training: Training

    @property
    def prefix(self) -> str:
        """Of its stage's name."""
        return f"{self.axis} {self.name.removeprefix('λ = ').removeprefix('N = ')} ".replace(" ", "-").lower()


@dataclass(frozen=True, kw_only=True)
class CleanTrainings(OfTraining):
    """Train cleanly in every way, and attack.

    Attributes:
      training: the run that the others vary.
      sizes: N of fixed samples; the default draws every batch afresh.
      decays: λ beside the default's.
      points: fresh points a seed.
      steps: of APGD, from x and from afar.
    """

    cost: ClassVar[float] = 8.0

    name: str = "clean-trainings"
    sizes: tuple[int, ...] = (1000, 16000)
    decays: tuple[float, ...] = (1e-5, 1e-2)
    points: int = 2048
    steps: int = 15

    def validate(self) -> None:
        for variation in self.variations():
            validate(variation.training)

    def variations(self) -> Iterator[Variation]:
        """The default training under its name on every axis, and what differs from it."""
        own = self.training
        for n in self.sizes:
            yield Variation(SAMPLE, f"N = {n}", n, _each(own, lambda p, n=n: p.replace(sample_size=n)))
        yield Variation(SAMPLE, "fresh", math.inf, own)
        for decay in self.decays:
            changed = _each(own, lambda p, decay=decay: p.replace(weight_decay=decay))
            yield Variation(DECAY, f"λ = {decay:g}", decay, changed)
        yield Variation(DECAY, "default", own.clean[0].weight_decay, own)
        # Without momentum μ a step is 1/(1 − μ) times as long.
        plain = _rates(own.replace(momentum=0.0), 1.0 / (1.0 - own.momentum))
        yield Variation(OPTIMISER, "SGD", math.nan, plain)
        yield Variation(OPTIMISER, "heavy ball", math.nan, own)
        yield Variation(OPTIMISER, "Adam", math.nan, _rates(own.replace(optimizer="adam"), _ADAM))

    def _stage(self, variation: Variation) -> Stage:
        # The default is the same training as elsewhere, and shares its nets.
        prefix = "" if variation.training == self.training else variation.prefix
        return stages(variation.training, Monitor(Ball(self.monitored_radius), mixtures=True), prefix=prefix)[0]

    def stages(self) -> tuple[Stage, ...]:
        return tuple({stage.name: stage for stage in map(self._stage, self.variations())}.values())

    def measure(self, seeds: Seeds, nets: Nets, progress: Progress) -> Found:
        points = fresh_points(jnp.asarray(seeds), self.points, self.training.data, "clean trainings")
        suite = strongest_pair(self.training.data, self.steps)
        run = partial(worst_case, attack_keys(seeds), margin_of(self.training.neurons))
        counted: dict[str, Any] = {}
        for stage in progress.over(self.stages()):
            params = parameters(nets[stage.name])
            clean = run(params, *points, Ball(0.0), ()).standing
            robust = run(params, *points, Ball(self.radius), suite, standing=clean).standing
            counted[stage.name] = clean.sum(axis=1), robust.sum(axis=1)
        rows = [
            (self.name, int(seed), v.axis, v.name, v.value, int(clean[s]), int(robust[s]), self.points)
            for v in self.variations()
            for clean, robust in [counted[self._stage(v).name]]
            for s, seed in enumerate(seeds)
        ]
        return Found({CLEAN_TRAININGS: pd.DataFrame(rows, columns=list(CLEAN_TRAININGS.columns))})


def _each(training: Training, change: Callable[[Phase], Phase]) -> Training:
    return training.replace(clean=tuple(map(change, training.clean)))


def _rates(training: Training, factor: float) -> Training:
    """Learning rates so many times as large."""

    def scaled(phase: Phase) -> Phase:
        end = phase.learning_rate_end
        return phase.replace(
            learning_rate=factor * phase.learning_rate, learning_rate_end=None if end is None else factor * end
        )

    return _each(training, scaled)

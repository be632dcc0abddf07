"""The experiment: cells of every size, stored size by size, and the table of what was measured on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from purifyjax.grids.compute import Computer
from theory_checks.experiment import Arrays, Experiment, Found, Nets, Seeds, Stage
from theory_checks.papers.scaling.config import ScalingConfig
from theory_checks.papers.scaling.tables import NUMBERS, SCALING

_APART = 1_000_000  # between the seeds of two replicas


@dataclass(frozen=True, kw_only=True)
class Scaling(ScalingConfig):
    """Train and attack nets of every size, one after another; a stage a size, so that what is done is kept."""

    cost: ClassVar[float] = 20.0

    def validate(self) -> None:
        for dimension in self.dimensions:
            for exponent in self.exponents:
                self.at(dimension, exponent).validate()

    def stages(self) -> tuple[Stage, ...]:
        def stage(dimension: int, exponent: float) -> Stage:
            task, replicas = self.at(dimension, exponent), self.replicas(dimension)
            about, name = (task, replicas), _name(dimension, exponent)
            return Stage(name, about, replicas, partial(_computed, task, replicas))

        return tuple(stage(dimension, exponent) for dimension in self.dimensions for exponent in self.exponents)

    def measure(self, seeds: Seeds, nets: Nets, progress: Any) -> Found:
        rows = []
        for dimension in self.dimensions:
            for exponent in self.exponents:
                found, sparsity = nets[_name(dimension, exponent)], self.at(dimension, exponent).sparsity
                for place, seed in enumerate(seeds):
                    for replica in range(self.replicas(dimension)):
                        head = {"experiment": self.name, "seed": int(seed), "replica": replica, "exponent": exponent}
                        size = {"dimension": dimension, "sparsity": sparsity}
                        own = {name: float(found[name][place, replica]) for name in NUMBERS}
                        rows.append(head | size | own)
        return Found({SCALING: pd.DataFrame(rows)})


def _name(dimension: int, exponent: float) -> str:
    return f"d = {dimension}, a = {exponent:g}"


def _computed(
    task: Any, replicas: int, seeds: Seeds, before: Nets, *, progress: Callable[[int, float], None], **options: Any
) -> Arrays:
    """The numbers of all cells of a size, [seed, replica]."""
    del before, options
    cells = [int(seed) + _APART * replica for seed in seeds for replica in range(replicas)]
    found = Computer()([task] * len(cells), cells)
    progress(replicas, 0.0)
    return {name: np.asarray(values).reshape(len(seeds), replicas) for name, values in found.items()}


def sized(seeds: int, **changes: Any) -> Callable[[], tuple[Experiment, ...]]:
    """The experiment on so many seeds."""
    return lambda: (Scaling(seeds=seeds, **changes),)


PROFILES: dict[str, Callable[[], tuple[Experiment, ...]]] = {
    "scaling": sized(seeds=2),
    "scaling-gpu": sized(seeds=4, dimensions=(64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)),
}
SUMMARIES = {
    "scaling": "d from 64 to 1024, k = ⌊9.2 (d/64)^a⌋, 2 seeds (16 cells at d = 64, 2 at 1024): exponents",
    "scaling-gpu": "d from 64 to 16384, 4 seeds: the same exponents, for a GPU (not yet run)",
}

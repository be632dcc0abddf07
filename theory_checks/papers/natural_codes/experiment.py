"""The experiment on codes of photographs: clean and adversarial training on each kind of codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from purifyjax.balls import Ball
from purifyjax.commands.progress import Progress
from theory_checks.evidence import Table
from theory_checks.experiment import Arrays, Found, Nets, Seeds, Stage
from theory_checks.measuring.pictures import PICTURES
from theory_checks.measuring.two_layer import NETS, Monitor, fixed_arrays, initial_states, named_arrays, stages
from theory_checks.papers.natural_codes import data, measure
from theory_checks.papers.natural_codes.codes import code_table
from theory_checks.papers.natural_codes.config import KINDS, REAL, NaturalConfig
from theory_checks.papers.natural_codes.measure import stage
from theory_checks.papers.natural_codes.tables import CODE_SETS, CODES


@dataclass(frozen=True, kw_only=True)
class Natural(NaturalConfig):
    """Code photographs; train on their codes, on shuffled ones and on the theory's own; attack all nets."""

    cost: ClassVar[float] = 3.5
    version: ClassVar[int] = 2

    def stages(self) -> tuple[Stage, ...]:
        # The trainings hold tables of codes, which follow from these few numbers: nothing is coded before a training
        # needs it. How many steps it has does not hang on the codes.
        training, _ = self.net.training(self.dimension, sparsity=1)
        steps = dict(zip(NETS, (training.clean, training.robust), strict=True))
        return tuple(
            Stage(
                stage(kind, net),
                {
                    "kind": kind,
                    "codes": self.codes,
                    "controls": None if kind == REAL else self.controls,
                    "net": self.net,
                    "monitor": (self.monitored_points, self.monitored_steps),
                },
                sum(phase.steps for phase in steps[net]),
                partial(self._train, kind, net),
                after=() if net == "clean" else (stage(kind, "clean"),),
            )
            for kind in KINDS
            for net in NETS
        )

    def _train(self, kind: str, net: str, seeds: Seeds, before: Nets, **options: Any) -> Arrays:
        """One stage of feature purification on a kind of codes."""
        own = data.kind_of(self, kind)
        monitor = Monitor(Ball(own.radius), self.monitored_points, self.monitored_steps)
        clean, robust = stages(own.training, monitor, prefix=stage(kind))
        return (clean if net == "clean" else robust).train(seeds, before, **options)

    def measure(self, seeds: Seeds, nets: Nets, progress: Progress) -> Found:
        found: dict[Table, list[pd.DataFrame]] = {}
        for name in progress.over(KINDS):
            own = measure.of_nets(self, name, data.kind_of(self, name), seeds, nets, progress)
            for table, rows in own.items():
                found.setdefault(table, []).append(rows)
        return Found({table: pd.concat(frames, ignore_index=True) for table, frames in found.items()})

    def together(self, seeds: Seeds, nets: Nets, found: Arrays, progress: Progress) -> Found:
        del seeds, nets, found
        coded = data.coded(self.codes)
        rows, sizes = [], []
        for name in progress.over(KINDS):
            kind = data.kind_of(self, name)
            # The controls' rows come from no square of a picture.
            resamples = self.statistics.resamples if name == REAL else 0
            rows.append(code_table(name, kind.train, kind.evaluation, self.statistics, resamples))
            sizes.append(measure.code_set(self, name, kind, coded.evaluation.missed))
        tables = {CODES: rows, CODE_SETS: sizes, PICTURES: [measure.atoms(self, coded)]}
        data.forget()
        return Found({table: pd.concat(frames, ignore_index=True) for table, frames in tables.items()})

    def trajectory(self, seeds: Seeds, nets: Nets) -> Mapping[str, np.ndarray]:
        # w⁰, M and w* are those of the theory at this d, whatever its k.
        training, _ = self.net.training(self.dimension, sparsity=1)
        arrays = {"w_init": np.asarray(initial_states(training, seeds).weight)} | fixed_arrays(training.data)
        for kind in KINDS:
            # The nets on real codes have the names that those of other experiments have.
            mark = "" if kind == REAL else kind.removeprefix(f"{REAL}-") + "_"
            arrays |= {f"{mark}{name}": values for name, values in named_arrays(nets, prefix=stage(kind)).items()}
        return arrays


def on_seeds(seeds: int) -> Callable[[], tuple[Natural, ...]]:
    """The experiment at the one size that it has."""
    return lambda: (Natural(seeds=seeds),)


PROFILES: dict[str, Callable[[], tuple[Natural, ...]]] = {
    "small": on_seeds(2),
    "standard": on_seeds(3),
    "paper": on_seeds(4),
}
SUMMARIES = {
    "small": "codes of photographs, d = 256, m = 768, 2 seeds",
    "standard": "codes of photographs, d = 256, m = 768, 3 seeds",
    "paper": "codes of photographs, d = 256, m = 768, 4 seeds",
}

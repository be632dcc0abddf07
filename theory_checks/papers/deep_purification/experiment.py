"""The experiments of purification in convolutional nets: one to look at and a residual one, at the profiles' sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from purifyjax.commands.progress import Progress
from theory_checks.evidence import Table
from theory_checks.experiment import Arrays, Experiment, Found, Nets, Seeds
from theory_checks.measuring.image_nets import state_of
from theory_checks.measuring.pictures import PICTURES
from theory_checks.papers.deep_purification import first_layer, measure
from theory_checks.papers.deep_purification.config import INITIAL, DeepPurificationConfig, FirstLayer, sizes
from theory_checks.papers.deep_purification.tables import ANGLES, SPARSITY


@dataclass(frozen=True, kw_only=True)
class DeepPurification(DeepPurificationConfig):
    """Train all nets; attack them, compare their filters, and rebuild images from those of the first layer."""

    cost: ClassVar[float] = 2.0

    def measure(self, seeds: Seeds, nets: Nets, progress: Progress) -> Found:
        states = {INITIAL: self.initial(seeds)} | self.states(nets)
        tables: dict[Table, pd.DataFrame] = {ANGLES: measure.angles(self, seeds, states)}
        arrays: Arrays = {}
        for part in progress.over(("attacks", "first layer")):
            if part == "attacks":
                tables |= measure.accuracies(self, seeds, states, progress)
            elif self.first_layer is not None:
                arrays = first_layer.perturbations(self, self.first_layer, seeds, states)
                tables[SPARSITY] = first_layer.sparsity(self, self.first_layer, seeds, states, arrays, progress)
        return Found(tables, arrays)

    def together(self, seeds: Seeds, nets: Nets, found: Arrays, progress: Progress) -> Found | None:
        del progress
        if self.first_layer is None:
            return None
        states = {INITIAL: self.initial(seeds[:1])} | {name: state_of(nets[name]) for name in first_layer.PURIFIED}
        deltas = {net: found[net][0] for net in first_layer.PURIFIED}
        return Found({PICTURES: first_layer.shown(self, self.first_layer, int(seeds[0]), states, deltas)})


def at_size(seeds: int) -> Callable[[], tuple[DeepPurification, DeepPurification]]:
    """Both experiments on so many seeds, on the digits that come with scikit-learn."""

    def experiments() -> tuple[DeepPurification, DeepPurification]:
        many = sizes("digits", ranks=(1, 2, 4, 8, 16))
        return (
            DeepPurification(name="convnet", architecture="alexnet", seeds=seeds, first_layer=FirstLayer(), **many),
            DeepPurification(name="resnet", architecture="resnet", seeds=seeds, **sizes("digits")),
        )

    return experiments


PROFILES: dict[str, Callable[[], tuple[Experiment, ...]]] = {
    "small": at_size(seeds=3),
    "standard": at_size(seeds=5),
    "paper": at_size(seeds=8),
}
SUMMARIES = {
    "small": "a convolutional and a residual net on digits, 3 seeds",
    "standard": "a convolutional and a residual net on digits, 5 seeds",
    "paper": "a convolutional and a residual net on digits, 8 seeds",
}

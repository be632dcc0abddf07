"""The experiment of the simpler classes, at the profiles' sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from purifyjax.balls import Ball
from purifyjax.commands.progress import Progress
from purifyjax.training.recipes import feature_purification
from theory_checks.experiment import Arrays, Found, Nets, Seeds, Stage
from theory_checks.measuring.two_layer import SIZES, Monitor, margin_of, parameters, stages
from theory_checks.papers.simpler_classes import measure
from theory_checks.papers.simpler_classes.candidates import Candidate, candidates
from theory_checks.papers.simpler_classes.config import FGM_AT, FGM_HALF, ClassesConfig, Search
from theory_checks.papers.simpler_classes.tables import CLASS_BOUNDS, CLASS_LOSSES, CLASSES


@dataclass(frozen=True, kw_only=True)
class Classes(ClassesConfig):
    """Fit every simpler class clean and adversarially, and attack it on the same points as the robust network."""

    cost: ClassVar[float] = 13.0

    def stages(self) -> tuple[Stage, ...]:
        # Those of feature purification in ℓ2: where the training is the same as there, so are the nets.
        return stages(self.training, Monitor(Ball(self.monitored_radius), mixtures=True))

    def measure(self, seeds: Seeds, nets: Nets, progress: Progress) -> Found:
        points = measure.judged_points(self, seeds)
        rows: measure.Rows = []
        losses: list[pd.DataFrame] = []
        for part in progress.over((*candidates(self), "linear", "search", "network")):
            if isinstance(part, Candidate):
                judged, curves = measure.fitted(self, seeds, points, part, progress)
                rows += judged
                losses += curves
            elif part == "linear":
                rows += measure.linear(self, seeds, points)
            elif part == "search":
                rows += measure.searched(self, seeds, points)
            else:
                about = {"family": "ReLU net", "model": "trained features", "training": "FGM"}
                net = (margin_of(self.training.neurons), parameters(nets["robust"]))
                rows += measure.judged(self, seeds, points, about, *net)
        return Found({CLASSES: pd.DataFrame(rows), CLASS_LOSSES: pd.concat(losses, ignore_index=True)})

    def together(self, seeds: Seeds, nets: Nets, found: Arrays, progress: Progress) -> Found:
        del nets, found
        parts = {CLASSES: lambda: measure.kernel(self, seeds), CLASS_BOUNDS: lambda: measure.bound(self)}
        return Found({table: part() for table, part in progress.over(parts.items())})


def at_size(
    size: dict[str, Any], seeds: int, search: Search | None = None, **changes: Any
) -> Callable[[], tuple[Classes, ...]]:
    """The experiment on the data and nets of feature purification at a size."""

    def experiments() -> tuple[Classes, ...]:
        training, radius = feature_purification(**size)
        nets: dict[str, Any] = {"training": training, "radius": radius, "monitored_radius": radius}
        return (Classes(seeds=seeds, search=search or Search(), **nets, **changes),)

    return experiments


# Of everything that is searched the variant that did best, and the network's own kernel.
_QUICK = Search(
    adversaries=(FGM_AT, FGM_HALF),
    wide_adversaries=(FGM_HALF,),
    tangent=((1, 1.0), (1, None)),
    features=((1024, 1.0),),
    kernel_points=512,
    members=192,
    rounds=3,
)

PROFILES: dict[str, Callable[[], tuple[Classes, ...]]] = {
    "quick": at_size(SIZES["quick"], seeds=2, search=_QUICK, points=256, curve=(0.5,)),
    "standard": at_size(SIZES["standard"], seeds=2),
    "paper": at_size(SIZES["paper"], seeds=4),
}
SUMMARIES = {
    "quick": "d = 512, 2 seeds: linear models, polynomials, tangent kernels, random features beside the same nets",
    "standard": "d = 1024, 2 seeds: the same classes, wider kernels",
    "paper": "d = 4096, 4 seeds: the same classes, closer to the asymptotic regime",
}

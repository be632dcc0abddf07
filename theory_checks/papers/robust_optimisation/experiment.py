"""The experiment of robust optimisation, at the profiles' sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import jax
import pandas as pd

from purifyjax.commands.progress import Progress
from theory_checks.experiment import Arrays, Experiment, Found, Nets, Seeds
from theory_checks.measuring.attacked import FINDINGS
from theory_checks.measuring.image_nets import IMAGE_ROBUSTNESS, state_of
from theory_checks.measuring.pictures import PICTURES
from theory_checks.papers.robust_optimisation import collection, costs, measure
from theory_checks.papers.robust_optimisation.config import BASELINE, RobustOptimisationConfig, sizes
from theory_checks.papers.robust_optimisation.tables import COSTS, OUTCOMES


@dataclass(frozen=True, kw_only=True)
class RobustOptimisation(RobustOptimisationConfig):
    """Train all nets; try each on clean images, under attacks, and on what was made to fool the baseline."""

    cost: ClassVar[float] = 5.0

    def measure(self, seeds: Seeds, nets: Nets, progress: Progress) -> Found:
        states = self.states(nets)
        outcomes = measure.clean(self, seeds, states)
        tables, arrays = {}, {}
        for part in progress.over(("attacks", "collection", "curves")):
            if part == "attacks":
                found, findings = measure.attacked(self, seeds, states, progress)
                outcomes += found
                tables[FINDINGS] = pd.concat(findings, ignore_index=True)
            elif part == "collection":
                images = self.test_images(seeds, self.attacked_points)
                made = collection.collection(self, states[BASELINE], *images)
                outcomes += collection.collected(self, seeds, states, made)
                arrays = collection.as_arrays(made)
            else:
                tables[IMAGE_ROBUSTNESS] = measure.curves(self, seeds, states, progress)
        return Found(tables | {OUTCOMES: pd.concat(outcomes, ignore_index=True)}, arrays)

    def together(self, seeds: Seeds, nets: Nets, found: Arrays, progress: Progress) -> Found:
        baseline = state_of(nets[BASELINE])
        others = collection.by_others(self, seeds, baseline, collection.from_arrays(self, found))
        first, initial = (jax.tree.map(lambda leaf: leaf[0], state) for state in (baseline, self.initial(seeds[:1])))
        return Found(
            {
                OUTCOMES: pd.concat(others or [OUTCOMES.empty()], ignore_index=True),
                COSTS: costs.costs(self, initial, progress),
                PICTURES: costs.single_pixels(self, int(seeds[0]), first),
            }
        )


def at_size(seeds: int) -> Callable[[], tuple[RobustOptimisation]]:
    """The experiment on so many seeds, on the digits that come with scikit-learn."""
    return lambda: (
        RobustOptimisation(name="robust-optimisation", architecture="mnist", seeds=seeds, **sizes("digits")),
    )


PROFILES: dict[str, Callable[[], tuple[Experiment, ...]]] = {
    "small": at_size(seeds=3),
    "standard": at_size(seeds=5),
    "paper": at_size(seeds=8),
}
SUMMARIES = {
    "small": "seven convolutional nets on digits, 3 seeds",
    "standard": "seven convolutional nets on digits, 5 seeds",
    "paper": "seven convolutional nets on digits, 8 seeds; --dataset mnist for the authors' images",
}

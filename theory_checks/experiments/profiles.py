"""The profiles: what is trained, on how many seeds, and how many points are attacked.

All claims of a profile share one distribution, one radius τ and one clean run. The scalings that
led to these numbers are in docs/choices.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from purifyjax.data import SparseCoding, second_moment
from purifyjax.errors import require
from purifyjax.training import Phase, Training


@dataclass(frozen=True)
class Experiment:
    """A training run by name.

    Attributes:
      name: of the experiment and of its trajectory file.
      training: its config.
      seeds: how many of the profile's seeds it trains.
    """

    name: str
    training: Training
    seeds: int


@dataclass(frozen=True)
class Profile:
    """A size at which all claims are checked.

    Attributes:
      radius: τ, the ℓ2 radius of all claims.
      experiments: "default" first; the others start from its clean nets.
      points: fresh points a seed for the claims' accuracies.
      curve_points: fresh points a seed for accuracy against radius.
      pgd_steps, pgd_restarts: of the strongest attack.
    """

    name: str
    summary: str
    radius: float
    experiments: tuple[Experiment, ...]
    points: int = 4096
    curve_points: int = 1024
    pgd_steps: int = 20
    pgd_restarts: int = 2

    def with_seeds(self, seeds: int) -> Profile:
        """The same profile with every experiment on `seeds` seeds."""
        return replace(self, experiments=tuple(replace(e, seeds=seeds) for e in self.experiments))


def _training(
    *, dimension: int, sparsity: int, neurons: int, margin: float, radius: float, scale: float, batch: int
) -> Training:
    """PLACEHOLDER."""
    data = SparseCoding(dimension=dimension, sparsity=sparsity, atom_rate=0.1, value_max=3.0)
    sigma = float(math.sqrt(second_moment(data) * dimension))
    data = data.replace(margin=margin * sigma)
    s = lambda steps: max(10, int(round(steps * scale, -1)))
    r = radius * sigma
    return Training(
        data,
        neurons,
        clean=(
            Phase(s(200), batch, 0.015, 0.3, threshold=3.0, weight_decay=1e-3),
            Phase(s(300), batch, 0.3, threshold=3.0, threshold_end=3.6, weight_decay=1e-3),
            Phase(s(400), batch, 0.3, 0.03, threshold=3.6, threshold_end=4.2, weight_decay=3e-4),
        ),
        robust=(
            Phase(s(400), batch, 0.3, threshold=1.2, adversary="fgm", radius=r),
            Phase(s(500), batch, 0.4, threshold_rule="frozen", adversary="fgm", radius=r),
            Phase(s(300), batch, 0.4, 0.04, threshold_rule="frozen", adversary="fgm", radius=r),
        ),
    )


def _profiles() -> dict[str, Profile]:
    quick = _training(dimension=256, sparsity=15, neurons=768, margin=1.3, radius=0.2, scale=0.5, batch=256)
    pgd = quick.replace(robust=tuple(p.replace(adversary="pgd", adversary_steps=2) for p in quick.robust))
    return {
        "quick": Profile(
            "quick", "d = 256", 0.4, (Experiment("default", quick, 2), Experiment("pgd", pgd, 2)), curve_points=512
        )
    }


PROFILES = _profiles()


def profile(name: str) -> Profile:
    """The profile of that name; `ConfigError` if there is none."""
    require(name in PROFILES, "--profile", name, f"one of {', '.join(PROFILES)}")
    return PROFILES[name]

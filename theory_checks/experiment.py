"""What the runner runs: an experiment is a typed config that knows its trainings and its measurements."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import pandas as pd
from jaxtyping import Int

from purifyjax.commands.progress import Progress
from purifyjax.sweep import describe
from theory_checks.evidence import Table

Arrays = dict[str, np.ndarray]  # every array with a leading seed axis
Nets = Mapping[str, Arrays]  # by stage
Seeds = Int[np.ndarray, " seed"]


class Found(NamedTuple):
    """What a measurement found.

    Attributes:
      tables: rows by table; of a seed's own measurement every table has a column `seed`.
      arrays: further numbers for `together`, with a leading seed axis.
    """

    tables: Mapping[Table, pd.DataFrame]
    arrays: Arrays = {}


@dataclass(frozen=True)
class Stage:
    """A training that every seed goes through once.

    Attributes:
      name: of the stage in its experiment.
      config: all that the trained numbers hang on, besides the seed and the stages before: stages of any
        experiments with the same config, after the same ones, are the same and share their nets.
      steps: of the whole training, for the progress.
      train: (seeds, nets of the stages before, options of `purifyjax.sweep.run_stage`) -> arrays.
      after: the stages whose nets it starts from.
    """

    name: str
    config: Any
    steps: int
    train: Callable[..., Arrays] = field(compare=False)
    after: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """Base of all experiments: a frozen config whose fields decide every number that comes out.

    Subclasses add their sizes as fields and override what they need. Nothing else may change a number: stored results
    are known by `identity()`, the stages' configs and the seed.

    Attributes:
      name: of the experiment, unique among all papers.
      seeds: how many of a run's seeds it takes.
      cost: about how many minutes it takes at the `standard` profile on two cores; cheap ones run first.
      version: raised whenever the same config comes to mean other numbers.
    """

    name: str
    seeds: int
    cost: ClassVar[float] = 1.0
    version: ClassVar[int] = 1

    @property
    def setting(self) -> str:
        """The sizes that no verdict stands without, in a few words; empty if the report's tables say enough."""
        return ""

    @property
    def reference_radius(self) -> float | None:
        """The radius that a user names to judge all claims at another one; None if it has none."""
        return None

    def at_scale(self, scale: float) -> Self:
        """The same nets judged at radii so many times as large."""
        del scale
        return self

    def on_images(self, dataset: str, directory: Path | None) -> Self:
        """The same experiment on another data set of images, if it sees images."""
        del dataset, directory
        return self

    def with_seeds(self, seeds: int) -> Self:
        """The same experiment on so many seeds."""
        return replace(self, seeds=seeds)

    def identity(self) -> Any:
        """What the measured numbers hang on besides seed and training, as plain values."""
        return describe(self) | {"seeds": None}

    def validate(self) -> None:
        """Raise `ConfigError` for unusable settings, before anything is trained."""

    def stages(self) -> tuple[Stage, ...]:
        """Its trainings, in order."""
        return ()

    def measure(self, seeds: Seeds, nets: Nets, progress: Progress) -> Found:
        """What each seed brings by itself: it must not depend on which others are there."""
        raise NotImplementedError

    def together(self, seeds: Seeds, nets: Nets, found: Arrays, progress: Progress) -> Found | None:
        """What takes all seeds at once, or none: pairs of nets, a bound without a seed, one seed's pictures.

        Args:
          found: the arrays of `measure`.
        """
        del seeds, nets, found, progress
        return None

    def trajectory(self, seeds: Seeds, nets: Nets) -> Mapping[str, np.ndarray] | None:
        """The nets in the form that other tools read, a file trajectories/NAME.npz; None for no file."""
        del seeds, nets
        return None


@dataclass(frozen=True, kw_only=True)
class AtRadius(Experiment):
    """Base of experiments whose claims are judged at one radius.

    Attributes:
      radius: τ.
    """

    radius: float

    @property
    def reference_radius(self) -> float | None:
        return self.radius

    def at_scale(self, scale: float) -> Self:
        return replace(self, radius=scale * self.radius)

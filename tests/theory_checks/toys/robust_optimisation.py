"""Robust optimisation in seconds."""

from __future__ import annotations

from dataclasses import dataclass

from tests.theory_checks.toys._image_nets import SmallNets, shortened, with_small_nets
from theory_checks.papers.robust_optimisation.config import Timing
from theory_checks.papers.robust_optimisation.experiment import RobustOptimisation, at_size


@dataclass(frozen=True, kw_only=True)
class ToyRobustOptimisation(SmallNets, RobustOptimisation):
    """The experiment with small nets."""


def experiments() -> tuple[ToyRobustOptimisation]:
    """The experiment of the paper at toy size."""
    (full,) = at_size(seeds=2)()
    return (shortened(with_small_nets(full, ToyRobustOptimisation, curve=(1.0,), timing=Timing(repeats=6))),)

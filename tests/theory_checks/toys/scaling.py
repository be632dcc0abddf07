"""Scaling in seconds."""

from __future__ import annotations

from purifyjax.tasks.purification import Purification
from theory_checks.papers.scaling.experiment import Scaling


def experiments() -> tuple[Scaling, ...]:
    """The experiment of the paper at toy size."""
    task = Purification(width=2, batch_size=16, points=16, steps=2)
    return (Scaling(seeds=2, dimensions=(64, 128), exponents=(0.42,), pace=0.01, task=task),)

"""Low-rank updates in seconds."""

from __future__ import annotations

from dataclasses import replace

from tests.theory_checks.toys._two_layer import RADIUS, training
from theory_checks.papers.low_rank.experiment import LowRank


def experiments() -> tuple[LowRank, ...]:
    """The experiment of the paper at toy size."""
    full = LowRank(training=training(), radius=RADIUS, seeds=2)
    return (replace(full, ranks=(1, 4), contrasts=(), points=32, attack_steps=2),)

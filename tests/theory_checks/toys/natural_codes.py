"""Codes of photographs in seconds."""

from __future__ import annotations

from purifyjax.data import NaturalCodes
from theory_checks.measuring.attacked import Evaluation
from theory_checks.papers.natural_codes.config import CodeStatistics, TheoryNet
from theory_checks.papers.natural_codes.experiment import Natural


def experiments() -> tuple[Natural, ...]:
    """The experiment of the paper at toy size."""
    return (
        Natural(
            codes=NaturalCodes(patch=6, atoms=20, patches=2000, fitted=1000, iterations=20, tolerance=0.3),
            net=TheoryNet(neurons=24, pace=0.05, batch_size=16),
            evaluation=Evaluation(points=32, curve_points=16, steps=2, restarts=1),
            statistics=CodeStatistics(resamples=20),
            pictured=4,
            seeds=2,
        ),
    )

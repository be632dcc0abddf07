"""The patch experiments in seconds."""

from __future__ import annotations

from dataclasses import replace

from theory_checks.experiment import Experiment
from theory_checks.papers.structured_data.config import PatchEvaluation
from theory_checks.papers.structured_data.experiment import PatchExperiment, Race, patches


def toy(classes: int) -> PatchExperiment:
    """A few steps of both trainings on few points."""
    full = patches(classes, seeds=2)
    return replace(
        full,
        data=full.data.replace(dimension=2 * classes, patches=3),
        filters=2,
        clean=full.clean.replace(steps=4, batch_size=8),
        robust=full.robust.replace(steps=4, batch_size=8, parts=3, clean_steps=2),
        samples=16,
        evaluation=PatchEvaluation(points=16, curve_points=8),
    )


def experiments() -> tuple[Experiment, ...]:
    """The experiments of the paper at toy size."""
    recipe = Race(name="race", seeds=1).recipe.replace(steps=5)
    race = Race(name="race", filters=2, recipe=recipe, radii=(0.0, 0.2), strengths=(0.2, 0.8), seeds=2)
    return (toy(2), toy(10), race)

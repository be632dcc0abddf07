"""The simpler classes in seconds."""

from __future__ import annotations

from dataclasses import replace

from tests.theory_checks.toys._two_layer import RADIUS, training
from theory_checks.papers.simpler_classes.config import Search
from theory_checks.papers.simpler_classes.experiment import Classes


def experiments() -> tuple[Classes, ...]:
    """The experiment of the paper at toy size."""
    search = Search(
        steps=20,
        cheap_steps=20,
        batch_size=8,
        rates=(1e-2,),
        wide_steps=20,
        tangent=((1, 1.0), (2, None)),
        coordinate_degrees=(5,),
        degrees=(3, 5, 7),
        tuning_points=24,
        members=64,
        rounds=1,
        features=((8, 1.0),),
        linear_points=64,
        kernel_points=16,
    )
    full = Classes(training=training(), radius=RADIUS, monitored_radius=RADIUS, seeds=2)
    return (replace(full, search=search, points=32, bound_points=64),)

"""Attacks on the theorem's networks, as several papers evaluate them."""

from __future__ import annotations

import jax.numpy as jnp
import pandas as pd

from purifyjax.attacks import APGD, Along, Attack, CoordinateProfiles, standard
from purifyjax.balls import Ball
from purifyjax.commands.progress import Progress
from purifyjax.data import SparseCoding, instance
from theory_checks.evidence import Table
from theory_checks.experiment import Nets, Seeds
from theory_checks.measuring.attacked import Evaluation, attacked
from theory_checks.measuring.points import fresh_points
from theory_checks.measuring.two_layer import NETS, margin_of, parameters

ALONE = ("noise", "universal", "fgm")  # attacks whose accuracy is also told by itself


def universal(data: SparseCoding) -> Along:
    """The direction Mw*, which knows the data and no network."""
    fixed = instance(data)
    return Along(fixed.to_input(fixed.label_weights))


def structural(data: SparseCoding, ball: Ball) -> tuple[Attack, ...]:
    """What knows the net's kinks along the features, which in ℓ2 are coordinates of an orthonormal basis."""
    return (CoordinateProfiles(instance(data).dictionary),) if ball.norm == "l2" else ()


def strongest_pair(data: SparseCoding, steps: int) -> tuple[Attack, ...]:
    """What breaks clean nets, and what breaks adversarially trained ones: the others find hardly a point more."""
    return (universal(data), APGD(steps=steps, restarts=2))


def robustness(
    experiment: str,
    seeds: Seeds,
    nets: Nets,
    neurons: int,
    data: SparseCoding,
    ball: Ball,
    evaluation: Evaluation,
    progress: Progress,
    *,
    prefix: str = "",
) -> dict[Table, pd.DataFrame]:
    """How many points each net gets right: under every attack at τ, and under the worst case at other radii."""
    fixed = instance(data)
    suite = standard(fixed.to_input(fixed.label_weights), steps=evaluation.steps, restarts=evaluation.restarts)
    return attacked(
        experiment,
        seeds,
        {net: parameters(nets[f"{prefix}{net}"]) for net in NETS},
        margin_of(neurons),
        fresh_points(jnp.asarray(seeds), evaluation.points, data, "robustness"),
        fresh_points(jnp.asarray(seeds), evaluation.curve_points, data, "curve"),
        ball,
        suite,
        (APGD(steps=evaluation.steps, restarts=evaluation.curve_restarts),),
        progress,
        structural=structural(data, ball),
        alone=ALONE,
        curve=evaluation.curve,
        chunk=evaluation.chunk,
        looks=evaluation.looks,
        bounds=evaluation.bounds,
    )

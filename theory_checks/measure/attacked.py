"""How many points nets get right: under every attack of a suite, and under the worst case at several radii."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
import pandas as pd

from purifyjax import attacks
from purifyjax.attacks import Ball
from purifyjax.attacks.worst_case import Attack, MarginOf
from theory_checks.measure.networks import EVALUATION, Tick

CURVE = (0.25, 0.5, 0.75, 0.875, 1.0, 1.125, 1.25, 1.5, 2.0)  # radii of the curve, in units of τ

Points = tuple[jax.Array, jax.Array]  # [seed, n, dim] and their labels [seed, n]


class Robustness(NamedTuple):
    """Two tables of the evidence, and what the attacks' own checks had to say."""

    accuracies: pd.DataFrame
    wins: pd.DataFrame
    warnings: list[str]


def attacked(
    experiment: str,
    seeds: np.ndarray,
    nets: Mapping[str, Any],
    margin_of: MarginOf,
    points: Points,
    curve_points: Points,
    ball: Ball,
    suite: Mapping[str, Attack],
    brief: Mapping[str, Attack],
    tick: Tick,
    *,
    alone: Sequence[str],
    gradient_free: frozenset[str] = attacks.GRADIENT_FREE,
    curve: Sequence[float] = CURVE,
    chunk: int = 512,
) -> Robustness:
    """Attack every net with the suite at the ball's radius, and with the brief suite along the curve.

    Args:
      nets: name -> parameters with a leading seed axis.
      points, curve_points: fresh points a seed.
      suite: weakest first; an attack sees the points that those before it left standing.
      brief: the attacks of the curve, whose radii are many.
      tick: called `attacked_ticks` times.
      alone: attacks of the suite whose accuracy is also told by itself.
      curve: radii, increasing, in units of the ball's.
      chunk: points a seed in one call.
    """
    rows: list[dict[str, Any]] = []
    wins: list[dict[str, Any]] = []
    warnings: list[str] = []

    def record(net, attack, radius, standing):
        for seed, row in zip(seeds, standing, strict=True):
            head = {"experiment": experiment, "seed": int(seed), "net": net, "attack": attack}
            rows.append(head | {"radius": radius, "correct": int(row.sum()), "points": row.size})

    for net, params in nets.items():
        key = jax.random.key(EVALUATION)
        run = partial(attacks.worst_case, key, margin_of, params, gradient_free=gradient_free, chunk=chunk)
        nothing = ball.replace(radius=0.0)
        right = run(*points, nothing, {}).standing
        record(net, "none", 0.0, right)
        standing = right
        for name, attack in suite.items():
            by_itself = name in alone
            found = run(*points, ball, {name: attack}, standing=right if by_itself else standing)
            if by_itself:
                record(net, name, ball.radius, found.standing)
            broke = standing & ~found.standing
            standing = standing & found.standing
            for seed, row in zip(seeds, broke, strict=True):
                head = {"experiment": experiment, "seed": int(seed), "net": net, "attack": name}
                wins.append(head | {"broke": int(row.sum())})
            warnings += [f"{net} net, {name}: {text}" for text in found.warnings]
            if name == "square" and broke.any():
                warnings.append(f"{net} net: the square attack broke {broke.sum()} points that gradients did not")
            tick(1)
        record(net, "worst", ball.radius, standing)
        standing = run(*curve_points, nothing, {}).standing
        record(net, "worst", 0.0, standing)
        for factor in curve:
            # A point broken at a smaller radius stays broken: its perturbation lies in every larger ball.
            radius = factor * ball.radius
            standing = run(*curve_points, ball.replace(radius=radius), brief, standing=standing).standing
            record(net, "worst", radius, standing)
            tick(1)
    return Robustness(pd.DataFrame(rows), pd.DataFrame(wins), warnings)


def attacked_ticks(nets: int, suite: int, curve: Sequence[float] = CURVE) -> int:
    """How often `attacked` calls `tick`."""
    return nets * (suite + len(curve))

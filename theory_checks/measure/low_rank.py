"""Accuracy by the rank of the adversarial update, and what the updates are made of."""

from __future__ import annotations

from functools import cache, partial
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from purifyjax import attacks
from purifyjax.analysis import absolute_cosine
from purifyjax.attacks.worst_case import Attack
from purifyjax.data import SparseCoding, instance
from purifyjax.sweep import describe
from theory_checks.evidence import Evidence
from theory_checks.experiments.low_rank import LowRank
from theory_checks.measure.networks import EVALUATION, Arrays, Tick, fresh_points, margin_of


@cache
def _suite(data: SparseCoding, steps: int) -> dict[str, Attack]:
    """What breaks clean nets, and what breaks adversarially trained ones: the others find hardly a point more."""
    fixed = instance(data)
    universal = attacks.along(fixed.to_input(fixed.label_weights))
    return {"universal": universal, "apgd": partial(attacks.apgd, steps=steps, restarts=2)}


def measure(task: LowRank, seeds: np.ndarray, nets: dict[str, Arrays], tick: Tick) -> Evidence:
    """All that the claim looks at.

    Args:
      nets: by name, weights [rank, seed, neuron, dim] and thresholds [rank, seed, neuron]: clean, every rank of the
        task, unrestricted.
      tick: called `ticks` times.
    """
    rows, updates, warnings = [], [], []
    for net, arrays in nets.items():
        found, warned = _accuracies(task, net, seeds, arrays, tick)
        rows.append(found)
        warnings += warned
        updates += _updates(task, net, seeds, arrays["weight"])
    return Evidence(
        experiment=task.name,
        config={
            "norm": "l2",
            "radius": task.radius,
            "seeds": [int(seed) for seed in seeds],
            "training": describe(task.training),
            "contrasts": list(task.nets)[1:],
            "updates": updates,
            "attack_warnings": warnings,
        },
        radius=task.radius,
        ranks=pd.concat(rows, ignore_index=True),
    )


def ticks(task: LowRank) -> int:
    """How often `measure` calls `tick`."""
    return len(task.nets) * (len(task.ranks) + 2)


def _accuracies(
    task: LowRank, net: str, seeds: np.ndarray, arrays: Arrays, tick: Tick
) -> tuple[pd.DataFrame, list[str]]:
    """The table of one net, and the attacks' warnings: all ranks of a seed are attacked on the same points."""
    data, neurons = task.training.data, task.nets[net].neurons
    points = fresh_points(jnp.asarray(seeds), task.points, data, 14)
    suite = _suite(cast(Any, data), task.attack_steps)
    sides = min(neurons, data.dimension)
    ranks = (0, *task.ranks, sides)
    clean, robust, warnings = [], [], []
    for rank, weight, threshold in zip(ranks, arrays["weight"], arrays["threshold"], strict=True):
        params = {"weight": jnp.asarray(weight), "threshold": jnp.asarray(threshold)}
        run = partial(attacks.worst_case, jax.random.key(EVALUATION), margin_of(neurons), params, *points)
        clean.append(run(task.ball.replace(radius=0.0), {}).standing)
        worst = run(task.ball, suite, gradient_free=attacks.GRADIENT_FREE)
        robust.append(worst.standing)
        warnings += [f"{net}, rank {rank}: {text}" for text in worst.warnings]
        tick(1)
    full = robust[-1]
    rows = [
        {
            "experiment": task.name,
            "seed": int(seed),
            "net": net,
            "rank": rank,
            "full": index == len(ranks) - 1,
            "clean": int(clean[index][s].sum()),
            "robust": int(robust[index][s].sum()),
            "lost": int((full[s] & ~robust[index][s]).sum()),
            "points": task.points,
        }
        for index, rank in enumerate(ranks)
        for s, seed in enumerate(seeds)
    ]
    return pd.DataFrame(rows), warnings


def _updates(task: LowRank, net: str, seeds: np.ndarray, weight: np.ndarray) -> list[dict[str, Any]]:
    """Of every seed: how dense the unrestricted update is, and where updates point.

    Keys: energy: shares of ‖w' − w‖² in the update's top singular values, as many as the smallest and the largest rank
    tested; cosine: |cos(v₁, Mw*)| of its top right singular vector; cosine_lowest: that of the smallest rank's update.
    """
    fixed = instance(task.training.data)
    mixture = fixed.to_input(fixed.label_weights)
    found = []
    for s, seed in enumerate(seeds):
        lowest, full = (np.linalg.svd(weight[i, s] - weight[0, s], full_matrices=False)[1:] for i in (1, -1))
        share = np.cumsum(full[0] ** 2) / np.sum(full[0] ** 2)
        cosines = [float(absolute_cosine(jnp.asarray(v[0]), mixture)) for _, v in (full, lowest)]
        energy = {str(rank): float(share[rank - 1]) for rank in (task.ranks[0], task.ranks[-1])}
        found.append({"net": net, "seed": int(seed), "energy": energy})
        found[-1] |= {"cosine": cosines[0], "cosine_lowest": cosines[1]}
    return found

"""How many fresh points the nets get right: under every attack, at every radius, and through training."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache, partial
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from purifyjax import attacks
from purifyjax.attacks import Ball
from purifyjax.attacks.worst_case import Attack
from purifyjax.data import SparseCoding, instance
from purifyjax.training import TrainState
from theory_checks.experiments import Experiment, Profile
from theory_checks.measure.networks import EVALUATION, NETS, Arrays, Tick, fresh_points, margin_of, network

CURVE = (0.25, 0.5, 0.75, 0.875, 1.0, 1.125, 1.25, 1.5, 2.0)  # radii of the curve, in units of τ


@cache
def attack_suite(data: SparseCoding, steps: int, restarts: int) -> dict[str, Attack]:
    """The attacks of the claims, weakest first."""
    fixed = instance(data)
    direction = fixed.to_input(fixed.label_weights)

    def along_mixture(key, margin, x, y, ball):
        del key
        return attacks.universal(direction, margin, x, y, ball)

    return {
        "noise": attacks.noise,
        "universal": along_mixture,
        "fgm": attacks.fgm,
        "pgd": partial(attacks.pgd, steps=steps, restarts=restarts),
    }


def robustness(profile: Profile, experiment: Experiment, seeds: np.ndarray, arrays: Arrays, tick: Tick) -> pd.DataFrame:
    """How many points each net gets right: under every attack at τ, and under the worst case at other radii."""
    data = experiment.training.data
    # Configs of plain values are hashable, although their type does not say so.
    suite = attack_suite(cast(Hashable, data), profile.pgd_steps, profile.pgd_restarts)
    brief = attack_suite(cast(Hashable, data), profile.pgd_steps, 1)
    key = jax.random.key(EVALUATION)
    rows: list[dict[str, Any]] = []

    def record(net, attack, radius, standing):
        for seed, row in zip(seeds, standing, strict=True):
            rows.append(
                {
                    "experiment": experiment.name,
                    "seed": int(seed),
                    "net": net,
                    "attack": attack,
                    "radius": radius,
                }
                | {"correct": int(row.sum()), "points": row.size}
            )

    for net in NETS:
        params = network(arrays, net)
        run = partial(attacks.worst_case, key, margin_of(experiment.training.neurons), params)
        x, y = fresh_points(jnp.asarray(seeds), profile.points, data, 0)
        ball = Ball(profile.radius)
        right = run(x, y, Ball(0.0), {}).standing
        record(net, "none", 0.0, right)
        standing = right
        for name in ("noise", "universal", "fgm"):
            alone = run(x, y, ball, {name: suite[name]}, standing=right).standing
            record(net, name, profile.radius, alone)
            standing = standing & alone
            tick(1)
        record(net, "worst", profile.radius, run(x, y, ball, {"pgd": suite["pgd"]}, standing=standing).standing)
        tick(1)
        x, y = fresh_points(jnp.asarray(seeds), profile.curve_points, data, 1)
        standing = run(x, y, Ball(0.0), {}).standing
        record(net, "worst", 0.0, standing)
        for factor in CURVE:
            # A point broken at a smaller radius stays broken: its perturbation lies in every larger ball.
            radius = factor * profile.radius
            standing = run(x, y, Ball(radius), brief, standing=standing).standing
            record(net, "worst", radius, standing)
            tick(1)
    return pd.DataFrame(rows)


ROBUSTNESS_TICKS = len(NETS) * (4 + len(CURVE))


def monitor(experiment: Experiment, radius: float, seeds: np.ndarray, points: int = 256):
    """Clean accuracy and accuracy under PGD-5 at τ, for the curves through training."""
    x, y = fresh_points(jnp.asarray(seeds), points, experiment.training.data, 3)
    of = margin_of(experiment.training.neurons)

    @jax.jit
    def measure(weight, threshold):
        def one(args):
            w, b, xs, ys = args
            m = of({"weight": w, "threshold": b})
            attacked = attacks.pgd(jax.random.key(0), m, xs, ys, Ball(radius), steps=5)
            return jnp.mean(m(xs, ys) > 0), jnp.mean(attacked.margin > 0)

        return jax.lax.map(one, (weight, threshold, x, y))

    def accuracies(state: TrainState) -> Arrays:
        clean, robust = measure(state.weight, state.threshold)
        return {"clean_accuracy": np.asarray(clean), "robust_accuracy": np.asarray(robust)}

    return accuracies

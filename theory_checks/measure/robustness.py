"""How many fresh points the nets get right: under every attack, at every radius, and through training."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache, partial
from typing import Any, NamedTuple, cast

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
CURVE_RESTARTS = 2  # of APGD: from x and from afar
ALONE = ("noise", "universal", "fgm")  # attacks whose accuracy is also told by itself


@cache
def attack_suite(data: SparseCoding, steps: int, restarts: int) -> dict[str, Attack]:
    """The attacks of the claims, weakest first."""
    fixed = instance(data)
    return attacks.standard(fixed.to_input(fixed.label_weights), steps=steps, restarts=restarts)


class Robustness(NamedTuple):
    """Two tables of the evidence, and what the attacks' own checks had to say."""

    accuracies: pd.DataFrame
    wins: pd.DataFrame
    warnings: list[str]


def robustness(profile: Profile, experiment: Experiment, seeds: np.ndarray, arrays: Arrays, tick: Tick) -> Robustness:
    """How many points each net gets right: under every attack at τ, and under the worst case at other radii."""
    data = experiment.training.data
    # Configs of plain values are hashable, although their type does not say so.
    suite = attack_suite(cast(Hashable, data), profile.attack_steps, profile.attack_restarts)
    # The curve leaves out the attacks that win least: its points are fewer, and its radii many.
    brief = {"apgd": partial(attacks.apgd, steps=profile.attack_steps, restarts=CURVE_RESTARTS)}
    rows: list[dict[str, Any]] = []
    wins: list[dict[str, Any]] = []
    warnings: list[str] = []

    def record(net, attack, radius, standing):
        for seed, row in zip(seeds, standing, strict=True):
            head = {"experiment": experiment.name, "seed": int(seed), "net": net, "attack": attack}
            rows.append(head | {"radius": radius, "correct": int(row.sum()), "points": row.size})

    for net in NETS:
        run = partial(
            attacks.worst_case,
            jax.random.key(EVALUATION),
            margin_of(experiment.training.neurons),
            network(arrays, net),
            gradient_free=attacks.GRADIENT_FREE,
        )
        x, y = fresh_points(jnp.asarray(seeds), profile.points, data, 0)
        ball = experiment.ball
        right = run(x, y, Ball(0.0), {}).standing
        record(net, "none", 0.0, right)
        standing = right
        for name, attack in suite.items():
            # The first three are also told by themselves; the others see what is left standing.
            alone = name in ALONE
            found = run(x, y, ball, {name: attack}, standing=right if alone else standing)
            if alone:
                record(net, name, ball.radius, found.standing)
            broke = standing & ~found.standing
            standing = standing & found.standing
            for seed, row in zip(seeds, broke, strict=True):
                head = {"experiment": experiment.name, "seed": int(seed), "net": net, "attack": name}
                wins.append(head | {"broke": int(row.sum())})
            warnings += [f"{net} net, {name}: {text}" for text in found.warnings]
            if name == "square" and broke.any():
                warnings.append(f"{net} net: the square attack broke {broke.sum()} points that gradients did not")
            tick(1)
        record(net, "worst", ball.radius, standing)
        x, y = fresh_points(jnp.asarray(seeds), profile.curve_points, data, 1)
        standing = run(x, y, Ball(0.0), {}).standing
        record(net, "worst", 0.0, standing)
        for factor in CURVE:
            # A point broken at a smaller radius stays broken: its perturbation lies in every larger ball.
            radius = factor * experiment.radius
            standing = run(x, y, ball.replace(radius=radius), brief, standing=standing).standing
            record(net, "worst", radius, standing)
            tick(1)
    return Robustness(pd.DataFrame(rows), pd.DataFrame(wins), warnings)


ROBUSTNESS_TICKS = len(NETS) * (len(attacks.standard(jnp.zeros(1))) + len(CURVE))


def monitor(experiment: Experiment, seeds: np.ndarray, points: int = 256):
    """Clean accuracy and accuracy under PGD-5 at the monitored radius, for the curves through training."""
    x, y = fresh_points(jnp.asarray(seeds), points, experiment.training.data, 3)
    of = margin_of(experiment.training.neurons)
    ball = Ball(experiment.monitored_radius, experiment.norm)

    @jax.jit
    def measure(weight, threshold):
        def one(args):
            w, b, xs, ys = args
            m = of({"weight": w, "threshold": b})
            attacked = attacks.pgd(jax.random.key(0), m, xs, ys, ball, steps=5)
            return jnp.mean(m(xs, ys) > 0), jnp.mean(attacked.margin > 0)

        return jax.lax.map(one, (weight, threshold, x, y))

    def accuracies(state: TrainState) -> Arrays:
        clean, robust = measure(state.weight, state.threshold)
        return {"clean_accuracy": np.asarray(clean), "robust_accuracy": np.asarray(robust)}

    return accuracies

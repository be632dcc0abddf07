"""How many fresh points the nets get right: under every attack, at every radius, and through training."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache, partial
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np

from purifyjax import attacks
from purifyjax.attacks import Ball
from purifyjax.attacks.worst_case import Attack
from purifyjax.data import SparseCoding, TabulatedCoding, instance
from purifyjax.training import TrainState
from theory_checks.experiments import Experiment, Profile
from theory_checks.measure.attacked import Robustness, attacked, attacked_ticks
from theory_checks.measure.networks import NETS, Arrays, Tick, fresh_points, margin_of, network

CURVE_RESTARTS = 2  # of APGD: from x and from afar
ALONE = ("noise", "universal", "fgm")  # attacks whose accuracy is also told by itself


@cache
def attack_suite(data: SparseCoding, steps: int, restarts: int) -> dict[str, Attack]:
    """The attacks of the claims, weakest first."""
    fixed = instance(data)
    return attacks.standard(fixed.to_input(fixed.label_weights), steps=steps, restarts=restarts)


@cache
def brief_suite(steps: int) -> dict[str, Attack]:
    """The attacks of the curve: without those that win least, since its radii are many."""
    return {"apgd": partial(attacks.apgd, steps=steps, restarts=CURVE_RESTARTS)}


def robustness(profile: Profile, experiment: Experiment, seeds: np.ndarray, arrays: Arrays, tick: Tick) -> Robustness:
    """How many points each net gets right: under every attack at τ, and under the worst case at other radii."""
    data = experiment.training.data
    # Attacks depend on M and w* alone: tables of codes share them, and their programs.
    known = data.untabulated if isinstance(data, TabulatedCoding) else data
    # Configs of plain values are hashable, although their type does not say so.
    suite = attack_suite(cast(Hashable, known), profile.attack_steps, profile.attack_restarts)
    return attacked(
        experiment.name,
        seeds,
        {net: network(arrays, net) for net in NETS},
        margin_of(experiment.training.neurons),
        fresh_points(jnp.asarray(seeds), profile.points, data, 0),
        fresh_points(jnp.asarray(seeds), profile.curve_points, data, 1),
        experiment.ball,
        suite,
        brief_suite(profile.attack_steps),
        tick,
        alone=ALONE,
    )


ROBUSTNESS_TICKS = attacked_ticks(len(NETS), len(attacks.standard(jnp.zeros(1))))


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

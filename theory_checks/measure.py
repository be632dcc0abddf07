"""From a trained experiment to its evidence: attacks, neuron statistics, history."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import cache, partial
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from purifyjax import attacks
from purifyjax.analysis import absolute_cosine, features, firing_rate
from purifyjax.attacks import Ball
from purifyjax.attacks.worst_case import Attack, MarginOf
from purifyjax.data import SparseCoding, instance, label_std, sample, second_moment
from purifyjax.models import SymmetricReLU, margin
from purifyjax.sweep.store import describe
from purifyjax.training import TrainState
from theory_checks.evidence import Evidence
from theory_checks.experiments import Experiment, Profile

NETS = ("clean", "robust")
LIVE_RATE = 1e-3  # a neuron is live if it fires on at least one point in a thousand
CURVE = (0.25, 0.5, 0.75, 0.875, 1.0, 1.125, 1.25, 1.5, 2.0)  # radii of the curve, in units of τ
_EVALUATION = 0x5EED  # evaluation points come from keys that training never uses
_HIGHEST = jax.lax.Precision.HIGHEST

Arrays = dict[str, np.ndarray]
Tick = Callable[[int], object]


@cache
def margin_of(neurons: int) -> MarginOf:
    """params -> margin function, in full float32 whatever the device's default."""
    model = SymmetricReLU(neurons, precision=_HIGHEST)
    return lambda params: lambda x, y: margin(model, params, x, y)


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


def network(arrays: Arrays, net: str) -> dict[str, jax.Array]:
    """Parameters of the clean or the robust nets, with a leading seed axis."""
    return {"weight": jnp.asarray(arrays[f"w_{net}"]), "threshold": jnp.asarray(arrays[f"b_{net}"])}


@partial(jax.jit, static_argnums=(1, 3))
def fresh_points(seeds: jax.Array, n: int, data: SparseCoding, purpose: int):
    """n evaluation points a seed."""

    def one(seed):
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(_EVALUATION), purpose), seed)
        return sample(key, n, data)[:2]

    return jax.lax.map(one, seeds)


def robustness(profile: Profile, experiment: Experiment, seeds: np.ndarray, arrays: Arrays, tick: Tick) -> pd.DataFrame:
    """How many points each net gets right: under every attack at τ, and under the worst case at other radii."""
    data = experiment.training.data
    # Configs of plain values are hashable, although their type does not say so.
    suite = attack_suite(cast(Hashable, data), profile.pgd_steps, profile.pgd_restarts)
    brief = attack_suite(cast(Hashable, data), profile.pgd_steps, 1)
    key = jax.random.key(_EVALUATION)
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


def neurons(experiment: Experiment, seeds: np.ndarray, arrays: Arrays) -> pd.DataFrame:
    """Statistics of every neuron before and after adversarial training."""
    data = experiment.training.data
    fixed = instance(data)
    x, _ = fresh_points(jnp.asarray(seeds), 4096, data, 2)
    frames = []
    for s, seed in enumerate(seeds):
        w = {net: jnp.asarray(arrays[f"w_{net}"][s]) for net in ("init", *NETS)}
        columns: dict[str, Any] = {
            "experiment": experiment.name,
            "seed": int(seed),
            "neuron": np.arange(experiment.training.neurons),
            "cos_init_clean": absolute_cosine(w["clean"], w["init"]),
            "cos_init_robust": absolute_cosine(w["robust"], w["init"]),
            "cos_clean_robust": absolute_cosine(w["clean"], w["robust"]),
            "norm_init": jnp.linalg.norm(w["init"], axis=1),
        }
        for net in NETS:
            rate = firing_rate(w[net], jnp.asarray(arrays[f"b_{net}"][s]), x[s])
            found = features(fixed.to_code(w[net]), fixed.label_weights, data.sparsity)
            columns |= {
                f"live_{net}": rate >= LIVE_RATE,
                f"firing_{net}": rate,
                f"norm_{net}": jnp.linalg.norm(w[net], axis=1),
                f"feature_{net}": found.feature,
                f"purity_{net}": found.purity,
                f"mixture_{net}": found.mixture,
                f"mixture_error_{net}": found.mixture_error,
            }
        frames.append(pd.DataFrame({n: v if isinstance(v, str | int) else np.asarray(v) for n, v in columns.items()}))
    return pd.concat(frames, ignore_index=True)


def coordinates(experiment: Experiment, seeds: np.ndarray, arrays: Arrays, table: pd.DataFrame) -> pd.DataFrame:
    """One typical neuron a seed in the dictionary basis: the live one of median |cos(w, w')|."""
    fixed = instance(experiment.training.data)
    frames = []
    for s, seed in enumerate(seeds):
        rows = table[(table.seed == seed) & table.live_clean & table.live_robust]
        if rows.empty:
            continue
        typical = (rows.cos_clean_robust - rows.cos_clean_robust.median()).abs().idxmin()
        neuron = int(rows.neuron.loc[typical])
        values = {net: np.asarray(fixed.to_code(jnp.asarray(arrays[f"w_{net}"][s, neuron]))) for net in ("init", *NETS)}
        coordinate = np.arange(len(values["init"]))
        frames.append(
            pd.DataFrame(
                {
                    "experiment": experiment.name,
                    "seed": int(seed),
                    "neuron": neuron,
                    "coordinate": coordinate,
                    **values,
                }
            )
        )
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["experiment", "seed", "neuron"])


def history(experiment: Experiment, seeds: np.ndarray, arrays: Arrays) -> pd.DataFrame:
    """Loss and accuracies through both stages, a row a seed and logged step."""
    frames, offset = [], 0
    for net in NETS:
        step = arrays[f"history_{net}_step"]
        for s, seed in enumerate(seeds):
            frames.append(
                pd.DataFrame(
                    {
                        "experiment": experiment.name,
                        "seed": int(seed),
                        "stage": net,
                        "step": step + offset,
                        "loss": arrays[f"history_{net}_loss"][:, s],
                        "clean_accuracy": arrays[f"history_{net}_clean_accuracy"][:, s],
                        "robust_accuracy": arrays[f"history_{net}_robust_accuracy"][:, s],
                    }
                )
            )
        offset += int(step[-1]) if len(step) else 0
    return pd.concat(frames, ignore_index=True)


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


def settings(profile: Profile, experiment: Experiment, seeds: np.ndarray) -> dict[str, Any]:
    """The experiment's config as plain values, with the numbers that readers need beside it."""
    data = experiment.training.data
    return {
        "profile": profile.name,
        "radius": profile.radius,
        "monitored_radius": profile.monitored_radius,
        "seeds": [int(s) for s in seeds],
        "points": profile.points,
        "label_std": label_std(data),
        "code_second_moment": float(second_moment(data)),
        "training": describe(experiment.training),
    }


def measure(profile: Profile, experiment: Experiment, seeds: np.ndarray, arrays: Arrays, tick: Tick) -> Evidence:
    """Everything the claims look at, for one experiment."""
    table = neurons(experiment, seeds, arrays)
    return Evidence(
        experiment=experiment.name,
        config=settings(profile, experiment, seeds),
        radius=profile.radius,
        robustness=robustness(profile, experiment, seeds, arrays, tick),
        neurons=table,
        history=history(experiment, seeds, arrays),
        coordinates=coordinates(experiment, seeds, arrays, table),
    )

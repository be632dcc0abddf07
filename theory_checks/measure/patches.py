"""Patch networks: what they learned, how they stand attacks and certificates, and who wins the race of the features."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Array

from purifyjax import attacks
from purifyjax.analysis import alignment, critical_strength
from purifyjax.attacks import Ball
from purifyjax.attacks.gradient import Attacked
from purifyjax.attacks.worst_case import Attack, MarginOf
from purifyjax.certify import patch_margin
from purifyjax.data import Patches, patch_features
from purifyjax.sweep import describe, seed_keys
from purifyjax.training import ClassifierState, classifier_steps, initial_classifier, margin_of_classifier
from purifyjax.training.adversary import perturbation
from theory_checks.evidence import CERTIFICATES, Evidence
from theory_checks.experiments import PatchTask, Race
from theory_checks.measure.attacked import attacked, attacked_ticks
from theory_checks.measure.networks import EVALUATION, NETS, Tick, fresh_points

CHUNK = 128  # points a seed in one call: most attacks on the clean nets see few
CURVE = (0.5, 0.75, 1.0, 1.25, 1.5)  # radii of the curve, in units of ε
CERTIFIED = (0.25, 0.5, 0.75, 1.0)
ALONE = ("noise", "universal", "pgd")
GRADIENT_FREE = frozenset({"noise", "universal", "inject robust", "square"})
_HIGHEST = jax.lax.Precision.HIGHEST

Arrays = dict[str, np.ndarray]


def training_sample(task: PatchTask, seeds: np.ndarray) -> tuple[Array, Array]:
    """The fixed sample of every seed."""
    return fresh_points(jnp.asarray(seeds), task.samples, task.data, 9)


def monitor(task: PatchTask):
    """The alignments of the filters with both features, through training."""
    features = patch_features(task.data)

    @jax.jit
    def measure(weight):
        return {name: jax.vmap(alignment, (0, None))(weight, feature) for name, feature in features._asdict().items()}

    def alignments(state: ClassifierState) -> Arrays:
        return {name: np.asarray(values) for name, values in measure(state.params["weight"]).items()}

    return alignments


@cache
def _suite(classes: int, patches: int, dimension: int, instance_seed: int) -> dict[str, Attack]:
    """Every attack, weakest first: those along the features know the distribution, and not the network."""
    features = patch_features(Patches(classes, patches, 1, dimension, instance_seed))
    robust, nonrobust = (features.everywhere(kind, patches) for kind in ("robust", "nonrobust"))
    return {
        "noise": attacks.noise,
        "universal": attacks.between_classes(nonrobust),
        "inject robust": attacks.towards_classes(robust),
        "pgd": partial(attacks.pgd, steps=20),
        "pgd from robust": attacks.towards_classes(robust, steps=4),
        "apgd": partial(attacks.apgd, steps=15, restarts=3),
        "square": partial(attacks.square, queries=50),
    }


def _training_adversary(task: PatchTask) -> Attack:
    """The adversary of adversarial training, as an attack."""
    recipe = task.robust

    def attack(key, margin, x, y, ball):
        delta = perturbation(key, margin, x, y, ball, recipe.adversary, recipe.adversary_steps)
        return Attacked(delta, margin(x + delta, y))

    return attack


def measure(
    task: PatchTask, seeds: np.ndarray, healthy: np.ndarray, trained: dict[str, Arrays], tick: Tick
) -> Evidence:
    """Everything that the claims look at, on the seeds that did not diverge.

    Args:
      trained: for "clean" and "robust", the weights and history of all seeds.
    """
    data, kept = task.data, seeds[healthy]
    of = margin_of_classifier(task.network(_HIGHEST))
    nets = {
        net: ClassifierState({"weight": jnp.asarray(arrays["weight"][healthy])}, {}, None)
        for net, arrays in trained.items()
    }
    suite = _suite(data.classes, data.patches, data.dimension, data.instance_seed)
    points = partial(fresh_points, jnp.asarray(kept))
    brief = {name: suite[name] for name in ("universal", "inject robust", "apgd")}
    found = attacked(
        task.name,
        kept,
        nets,
        of,
        points(task.points, data, 10),
        points(task.curve_points, data, 11),
        task.ball,
        suite,
        brief,
        tick,
        alone=ALONE,
        gradient_free=GRADIENT_FREE,
        curve=CURVE,
        chunk=CHUNK,
    )
    more = _universal(task, kept, nets["clean"], of, suite["universal"])
    fitted = _fitted(task, kept, nets, of, tick)
    return Evidence(
        experiment=task.name,
        config=_settings(task, kept) | {"attack_warnings": found.warnings},
        radius=task.radius,
        robustness=pd.concat([found.accuracies, more, fitted], ignore_index=True),
        wins=found.wins,
        alignments=_alignments(task, seeds, healthy, trained),
        certificates=_certificates(task, kept, nets["robust"], of, brief, tick),
    )


def ticks(task: PatchTask) -> int:
    """How often `measure` calls `tick`."""
    suite = _suite(task.data.classes, task.data.patches, task.data.dimension, task.data.instance_seed)
    return attacked_ticks(len(NETS), len(suite), CURVE) + 2 + len(CERTIFIED)


def _universal(task: PatchTask, seeds: np.ndarray, params: Any, of: MarginOf, attack: Attack) -> pd.DataFrame:
    """The clean net under the universal direction once more: it takes many points to show a share below 1%."""
    x, y = fresh_points(jnp.asarray(seeds), 8 * task.points, task.data, 13)
    run = partial(attacks.worst_case, jax.random.key(EVALUATION), of, params, x, y, chunk=CHUNK)
    stands = run(task.ball, {"universal": attack}, gradient_free=GRADIENT_FREE).standing
    return _counts(task, seeds, "clean", "universal", stands)


def _counts(task: PatchTask, seeds: np.ndarray, net: str, attack: str, standing: np.ndarray) -> pd.DataFrame:
    radius = 0.0 if attack == "training" else task.radius
    head = {"experiment": task.name, "seed": seeds, "net": net, "attack": attack, "radius": radius}
    return pd.DataFrame(head | {"correct": standing.sum(axis=1), "points": standing.shape[1]})


def _fitted(task: PatchTask, seeds: np.ndarray, nets: dict[str, Any], of: MarginOf, tick: Tick) -> pd.DataFrame:
    """Training accuracy of both nets, the robust one's also under its own adversary at the radius of training."""
    x, y = training_sample(task, seeds)
    attack = {"training adversary": _training_adversary(task)}
    found = []
    for net, params in nets.items():
        run = partial(attacks.worst_case, jax.random.key(EVALUATION), of, params, x, y, chunk=CHUNK)
        standing = {"training": run(Ball(0.0), {}).standing}
        if net == "robust":
            standing |= {"training adversary": run(task.robust.ball, attack).standing}
        found += [_counts(task, seeds, net, name, stands) for name, stands in standing.items()]
        tick(1)
    return pd.concat(found, ignore_index=True)


def _certificates(task, seeds, params, of, brief, tick) -> pd.DataFrame:
    """On how many points the robust nets are proven right, and on how many they withstand the attacks of the curve."""
    x, y = fresh_points(jnp.asarray(seeds), task.curve_points, task.data, 12)
    rows = []
    for factor in CERTIFIED:
        ball = task.ball.replace(radius=factor * task.radius)
        stands = attacks.worst_case(jax.random.key(EVALUATION), of, params, x, y, ball, brief, chunk=CHUNK).standing
        for s, seed in enumerate(seeds):
            proven = _bound(params.params["weight"][s], task.exponent, task.knee, x[s], y[s], ball) > 0
            counts = (int(proven.sum()), int(stands[s].sum()), y.shape[1])
            rows.append((task.name, int(seed), "robust", "interval", "l2", ball.radius, *counts))
        tick(1)
    return pd.DataFrame(rows, columns=list(CERTIFICATES))


_bound = jax.jit(patch_margin, static_argnums=1)


def _alignments(task: PatchTask, seeds: np.ndarray, healthy: np.ndarray, trained: dict[str, Arrays]) -> pd.DataFrame:
    frames = []
    for net, arrays in trained.items():
        for s, seed in enumerate(seeds):
            if not healthy[s]:
                continue
            for label in range(task.data.classes):
                columns: dict[str, Any] = {"experiment": task.name, "seed": int(seed), "net": net}
                columns |= {"step": arrays["history_step"], "loss": arrays["history_loss"][:, s], "label": label}
                columns |= {kind: arrays[f"history_{kind}"][:, s, label] for kind in ("robust", "nonrobust")}
                frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


def _settings(task: PatchTask, seeds: np.ndarray) -> dict[str, Any]:
    return {
        "norm": "l2",
        "parts": task.data.patches,
        "radius": task.radius,
        "seeds": [int(s) for s in seeds],
        "points": task.points,
        "training": describe(task),
    }


def race(settings: Race, seeds: np.ndarray, tick: Tick) -> Evidence:
    """Train at every strength and radius, for all seeds at once, on one noiseless point a class."""
    data = settings.data()
    features, network = patch_features(data), settings.network()
    y = jnp.arange(data.classes)
    keys = jax.vmap(partial(jax.random.split, num=2))(seed_keys(seeds))

    @jax.jit
    def run(strength, radius):
        # Without noise a sample of a class is one point, up to the order of its patches.
        strong = jnp.tile(features.robust, (1, data.robust_patches))
        weak = jnp.tile(strength * features.nonrobust, (1, data.nonrobust_patches))
        x = jnp.concatenate([strong, weak], axis=1)
        recipe = settings.recipe.replace(radius=radius)

        def one(key):
            state = initial_classifier(key[0], network, x)
            state, _ = classifier_steps(key[1], state, network, recipe, x, y, 0, recipe.steps)
            learned = [jnp.mean(alignment(state.params["weight"], feature)) for feature in features]
            u, v = (jnp.maximum(value, 1e-6) for value in learned)
            return jnp.log(v / u)

        return jax.vmap(one)(keys)

    frames = []
    for radius in settings.radii:
        target = critical_strength(
            radius, data.robust_strength, data.robust_patches, data.nonrobust_patches, settings.exponent
        )
        for strength in settings.strengths:
            ratio = np.asarray(run(strength, radius))
            rows = {"seed": seeds, "radius": radius, "strength": strength, "log_ratio": ratio, "predicted": target}
            frames.append(pd.DataFrame({"experiment": "race"} | rows))
            tick(1)
    config = {"seeds": [int(s) for s in seeds], "training": describe(settings) | {"data": describe(data)}}
    return Evidence("race", config, 0.0, race=pd.concat(frames, ignore_index=True))

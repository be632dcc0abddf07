"""Train the patch networks of all seeds once, measure them once, and keep both."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from purifyjax.data import validate_patches
from purifyjax.sweep import describe, fingerprint, seed_keys, train_classifiers
from purifyjax.training import initial_classifier, validate_recipe
from theory_checks.evidence import Evidence
from theory_checks.experiments import PatchTask, Race
from theory_checks.measure import patches as measure
from theory_checks.stored import Arrays, progress, report_diverged, stored_evidence, stored_stage


def patch_evidence(task: PatchTask, seeds: np.ndarray, out: Path, resume: bool) -> Evidence:
    """The measured tables of a patch experiment, or the stored ones of the same run."""
    own = seeds[: task.seeds]

    def measured() -> Evidence:
        arrays = {net: _trained(task, net, own, out, resume) for net in measure.NETS}
        healthy = np.logical_and.reduce([np.isfinite(a["weight"]).all(axis=(1, 2, 3)) for a in arrays.values()])
        report_diverged(task.name, own, healthy)
        with progress(f"{task.name}: attacks, {healthy.sum()} seeds", measure.ticks(task), "attack") as bar:
            found = measure.measure(task, own, healthy, arrays, bar.update)
        found.config["diverged_seeds"] = [int(seed) for seed in own[~healthy]]
        return found

    return stored_evidence(out / "tables" / task.name, fingerprint(task, own), resume, measured)


def race_evidence(race: Race, seeds: np.ndarray, out: Path, resume: bool) -> Evidence:
    """Who wins the race at every strength and radius, or what is stored of it."""
    own = seeds[: race.seeds]

    def measured() -> Evidence:
        with progress(f"race: trainings, {len(own)} seeds", len(race.radii) * len(race.strengths), "strength") as bar:
            return measure.race(race, own, bar.update)

    return stored_evidence(out / "tables" / "race", fingerprint(race, own), resume, measured)


def _trained(task: PatchTask, net: str, seeds: np.ndarray, out: Path, resume: bool) -> Arrays:
    """Weights of one net for all seeds and its way through training, trained or read back."""
    validate_patches(task.data)
    recipe = task.recipe(net)
    validate_recipe(recipe, task.samples)
    of_training = describe(task) | {"points": 0, "curve_points": 0, "radius": 0, "clean": 0, "robust": 0}
    mark = fingerprint("patches", of_training, recipe, seeds)
    keys = jax.vmap(partial(jax.random.split, num=3))(seed_keys(seeds))
    network = task.network()
    x, y = measure.training_sample(task, seeds)
    # Both nets start from the same weights, on the same sample.
    states = jax.vmap(lambda key: initial_classifier(key, network, x[0, :1]))(keys[:, 1])

    def train(**options: Any) -> Arrays:
        result = train_classifiers(keys[:, 2], states, network, recipe, x, y, monitor=measure.monitor(task), **options)
        history = {f"history_{name}": values for name, values in result.history.items()}
        return {"weight": np.asarray(result.state.params["weight"])} | history

    kind = "standard" if net == "clean" else "adversarial"
    label = f"{task.name}: {kind} training, {len(seeds)} seeds"
    return stored_stage(out, mark, resume, label, recipe.steps, train)

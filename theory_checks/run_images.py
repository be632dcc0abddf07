"""Train the convolutional nets of all seeds once, measure them once, and keep both."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from purifyjax.data.images import Rows, load, standardised
from purifyjax.sweep import describe, fingerprint, seed_keys, train_classifiers
from purifyjax.training import ClassifierState, initial_classifier, restarted, validate_recipe, with_rank
from theory_checks.evidence import Evidence
from theory_checks.experiments import ImageTask, Net
from theory_checks.measure import convnets, robust_optimisation
from theory_checks.stored import Arrays, progress, report_diverged, stored_evidence, stored_stage

Nets = dict[str, ClassifierState]
_MEASURES = {"robust optimisation": robust_optimisation, "filters": convnets, "angles": convnets}


def image_evidence(task: ImageTask, seeds: np.ndarray, out: Path, resume: bool) -> Evidence:
    """The measured tables of an image experiment, or the stored ones of the same run."""
    own = seeds[: task.seeds]
    rows = standardised(load(task.dataset, task.directory), task.samples, task.points)
    # Files are known by what they hold, wherever they lie.
    settings = describe(task) | {"directory": None}
    chosen = _MEASURES[task.purpose]

    def measured() -> Evidence:
        nets = trained(task, rows, own, out, resume)
        healthy = np.logical_and.reduce([_finite(state) for state in nets.values()])
        report_diverged(task.name, own, healthy)
        kept = {name: jax.tree.map(lambda leaf: leaf[healthy], state) for name, state in nets.items()}
        with progress(f"{task.name}: measuring, {healthy.sum()} seeds", chosen.ticks(task), "step") as bar:
            found = chosen.measure(task, rows, own[healthy], kept, bar.update)
        about: dict[str, Any] = {"seeds": [int(seed) for seed in own[healthy]], "training": settings}
        about |= {"diverged_seeds": [int(seed) for seed in own[~healthy]], "pixel_std": rows.std}
        found.config.update(about)
        return found

    mark = fingerprint("images", settings, rows.digest, own)
    return stored_evidence(out / "tables" / task.name, mark, resume, measured)


def trained(task: ImageTask, rows: Rows, seeds: np.ndarray, out: Path, resume: bool) -> Nets:
    """The untrained net ("initial") and every net of the task, each with a leading seed axis."""
    network = task.network(rows.shape, rows.classes)
    keys = jax.vmap(partial(jax.random.split, num=2))(seed_keys(seeds))
    first = jnp.asarray(rows.train_x[:1])
    nets = {"initial": jax.jit(jax.vmap(lambda key: initial_classifier(key, network, first)))(keys[:, 0])}
    for net in task.nets:
        validate_recipe(net.recipe, len(rows.train_x))
        nets[net.name] = _trained(
            task, net, network, keys[:, 1], nets[net.start or "initial"], rows, seeds, out, resume
        )
    return nets


def _trained(
    task: ImageTask,
    net: Net,
    network: nn.Module,
    keys: jax.Array,
    start: ClassifierState,
    rows: Rows,
    seeds: np.ndarray,
    out: Path,
    resume: bool,
) -> ClassifierState:
    """The end of one training, trained or read back."""

    def train(**options: Any) -> Arrays:
        x, y = jnp.asarray(rows.train_x), jnp.asarray(rows.train_y)
        # A copy, since training consumes it and other nets start there too.
        own = jax.tree.map(jnp.copy, start)
        fresh = jax.vmap(partial(restarted, rank=net.recipe.rank))(own)
        if net.rank is not None:
            fresh = fresh._replace(optimizer=with_rank(fresh.optimizer, net.rank))
        found = train_classifiers(keys, fresh, network, net.recipe, x, y, **options).state
        ends = {"params": found.params, "collections": found.collections}
        return {name: np.asarray(leaf) for name, leaf in flatten_dict(ends, sep="/").items()}

    chain = [net]
    while chain[-1].start:
        chain.append(task.net(chain[-1].start))
    mark = fingerprint("images", task.architecture, task.width, chain, rows.digest, seeds)
    label = f"{task.name}: {net.name} training, {len(seeds)} seeds"
    ends: Any = unflatten_dict(stored_stage(out, mark, resume, label, net.recipe.steps, train), sep="/")
    ends = jax.tree.map(jnp.asarray, ends)
    return ClassifierState(ends["params"], ends.get("collections", {}), None)


def _finite(state: ClassifierState) -> np.ndarray:
    """Whether each seed's parameters are all finite."""
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(state.params)]
    return np.logical_and.reduce([np.isfinite(leaf.reshape(len(leaf), -1)).all(axis=1) for leaf in leaves])

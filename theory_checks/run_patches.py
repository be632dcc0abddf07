"""Train the patch networks of all seeds once, measure them once, and keep both."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import jax
import numpy as np
from tqdm import tqdm

from purifyjax.data import validate_patches
from purifyjax.errors import ConfigError
from purifyjax.sweep import describe, fingerprint, load_arrays, save_arrays, seed_keys, train_classifiers
from purifyjax.training import initial_classifier, validate_recipe
from theory_checks.evidence import Evidence
from theory_checks.experiments import PatchTask, Race
from theory_checks.measure import patches as measure
from theory_checks.stored import progress, stored_evidence

Arrays = dict[str, np.ndarray]


def patch_evidence(task: PatchTask, seeds: np.ndarray, out: Path, resume: bool) -> Evidence:
    """The measured tables of a patch experiment, or the stored ones of the same run."""
    own = seeds[: task.seeds]

    def measured() -> Evidence:
        arrays = {net: _trained(task, net, own, out, resume) for net in measure.NETS}
        healthy = np.logical_and.reduce([np.isfinite(a["weight"]).all(axis=(1, 2, 3)) for a in arrays.values()])
        if not healthy.any():
            raise ConfigError(f"experiment {task.name}: training diverged for every seed; lower the learning rates")
        for seed in own[~healthy]:
            tqdm.write(f"{task.name}: seed {seed} diverged and is left out")
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
    path = out / "stages" / f"{mark}.npz"
    stored = load_arrays(path, mark) if resume else None
    if stored is not None:
        return stored
    keys = jax.vmap(partial(jax.random.split, num=3))(seed_keys(seeds))
    network = task.network()
    x, y = measure.training_sample(task, seeds)
    # Both nets start from the same weights, on the same sample.
    states = jax.vmap(lambda key: initial_classifier(key, network, x[0, :1]))(keys[:, 1])
    checkpoint = path.with_suffix(".part.npz")
    if not resume:
        checkpoint.unlink(missing_ok=True)
    kind = "standard" if net == "clean" else "adversarial"
    with progress(f"{task.name}: {kind} training, {len(seeds)} seeds", recipe.steps, "step") as bar:

        def report(steps: int, loss: float) -> None:
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
            bar.update(steps)

        result = train_classifiers(
            keys[:, 2],
            states,
            network,
            recipe,
            x,
            y,
            checkpoint=checkpoint,
            mark=mark,
            monitor=measure.monitor(task),
            progress=report,
        )
    arrays = {"weight": np.asarray(result.state.params["weight"])}
    arrays |= {f"history_{name}": values for name, values in result.history.items()}
    save_arrays(path, mark, arrays)
    return arrays

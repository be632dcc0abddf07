"""Train every experiment once, measure it once, and keep both: a second run only reads.

Under the output folder: `stages/` holds the end of every training stage and what an interrupted one
goes on from, `trajectories/` the finished nets, `tables/<experiment>/` the evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from purifyjax.data import instance
from purifyjax.sweep import describe, fingerprint, load_arrays, save_arrays, seed_keys, train_stage
from purifyjax.training import Phase, TrainState, initial_state, start_stage, validate
from purifyjax.training.trajectory import stage_keys
from theory_checks import measure
from theory_checks.evidence import Evidence
from theory_checks.experiments import Experiment, Profile
from theory_checks.stored import Arrays, progress, report_diverged, stored_evidence, stored_stage


def trajectory(profile: Profile, experiment: Experiment, seeds: np.ndarray, out: Path, resume: bool) -> Arrays:
    """w⁰, w, w' and their thresholds for all seeds, trained or read back."""
    validate(experiment.training)
    path = out / "trajectories" / f"{experiment.name}.npz"
    own = seeds[: experiment.seeds]
    mark = fingerprint(experiment.training, own, experiment.monitored_radius)
    stored = load_arrays(path, mark) if resume else None
    if stored is not None:
        return stored
    fixed = instance(experiment.training.data)
    # A clean stage that experiments share trains the seeds of all of them, whichever experiment asks first.
    shared = seeds[: profile.clean_seeds(experiment)]
    keys = [jax.vmap(stage_keys)(seed_keys(shared))[i] for i in range(3)]
    start = jax.lax.map(lambda key: initial_state(key, experiment.training), keys[0])
    arrays: Arrays = {
        "seeds": own,
        "w_init": np.asarray(start.weight)[: len(own)],
        "label_weights": np.asarray(fixed.label_weights),
        "dictionary": np.eye(len(fixed.label_weights), dtype=np.float32)
        if fixed.dictionary is None
        else np.asarray(fixed.dictionary),
    }
    clean = replace(experiment, training=experiment.clean_training)
    state, found = _stage(clean, "clean", shared, keys[1], start, out, resume)
    state = jax.tree.map(lambda leaf: leaf[: len(own)], state)
    arrays |= _net("clean", state, {n: v if v.ndim < 2 else v[:, : len(own)] for n, v in found.items()})
    state = jax.vmap(lambda s: start_stage(s, experiment.training))(state)
    state, found = _stage(experiment, "robust", own, keys[2][: len(own)], state, out, resume)
    arrays |= _net("robust", state, found)
    save_arrays(path, mark, arrays)
    return arrays


def _net(net: str, state: TrainState, history: Arrays) -> Arrays:
    rows = {f"history_{net}_{name}": values for name, values in history.items()}
    return {f"w_{net}": np.asarray(state.weight), f"b_{net}": np.asarray(state.threshold), **rows}


def _stage(
    experiment: Experiment,
    stage: str,
    seeds: np.ndarray,
    keys: jax.Array,
    start: TrainState,
    out: Path,
    resume: bool,
) -> tuple[TrainState, Arrays]:
    """Train one stage, or read its end back."""
    phases: Sequence[Phase] = getattr(experiment.training, stage)
    mark = fingerprint(experiment.training, stage, seeds, experiment.monitored_radius)

    def train(**options: Any) -> Arrays:
        result = train_stage(
            keys, start, experiment.training, phases, monitor=measure.monitor(experiment, seeds), **options
        )
        end = {"weight": np.asarray(result.state.weight), "threshold": np.asarray(result.state.threshold)}
        return end | {f"history_{n}": v for n, v in result.history.items()}

    label = f"{experiment.name}: {stage} training, {len(seeds)} seeds"
    found = stored_stage(out, mark, resume, label, sum(p.steps for p in phases), train)
    state = TrainState(jnp.asarray(found["weight"]), jnp.asarray(found["threshold"]), None)
    return state, {n.removeprefix("history_"): v for n, v in found.items() if n.startswith("history_")}


def evidence(profile: Profile, experiment: Experiment, seeds: np.ndarray, out: Path, resume: bool) -> Evidence:
    """The measured tables of an experiment, or the stored ones of the same run."""
    own = seeds[: experiment.seeds]

    def measured() -> Evidence:
        kept, healthy = _healthy(profile, experiment, seeds, out, resume)
        total = measure.ticks(experiment, int(healthy.sum()))
        with progress(f"{experiment.name}: attacks, {healthy.sum()} seeds", total, "attack") as bar:
            found = measure.measure(profile, experiment, own[healthy], kept, bar.update)
        found.config["diverged_seeds"] = [int(seed) for seed in own[~healthy]]
        return found

    return stored_evidence(out / "tables" / experiment.name, _evidence_mark(profile, experiment, own), resume, measured)


def class_evidence(profile: Profile, seeds: np.ndarray, out: Path, resume: bool) -> Evidence:
    """The simpler classes beside the default experiment's nets, or their stored tables."""
    experiment = profile.experiments[0]
    own = seeds[: experiment.seeds]
    mark = fingerprint("classes", _evidence_mark(profile, experiment, own), describe(profile.classes))

    def measured() -> Evidence:
        kept, healthy = _healthy(profile, experiment, seeds, out, resume)
        total = measure.class_ticks(profile.classes, experiment.training.data)
        with progress(f"classes: fits, {min(profile.classes.seeds, healthy.sum())} seeds", total, "fit") as bar:
            return measure.classes(profile, experiment, own[healthy], kept, bar.update)

    return stored_evidence(out / "tables" / "classes", mark, resume, measured)


def _evidence_mark(profile: Profile, experiment: Experiment, own: np.ndarray) -> str:
    return fingerprint(
        experiment.training,
        own,
        [experiment.radius, experiment.certified],
        [profile.points, profile.curve_points, profile.attack_steps, profile.attack_restarts],
    )


def _healthy(
    profile: Profile, experiment: Experiment, seeds: np.ndarray, out: Path, resume: bool
) -> tuple[Arrays, np.ndarray]:
    """The trajectory without the seeds that diverged, and which of them did not."""
    own = seeds[: experiment.seeds]
    arrays = trajectory(profile, experiment, seeds, out, resume)
    healthy = np.array([all(np.isfinite(arrays[f"w_{net}"][s]).all() for net in measure.NETS) for s in range(len(own))])
    report_diverged(experiment.name, own, healthy)
    kept = {name: values[healthy] if name[:2] in ("w_", "b_") else values for name, values in arrays.items()}
    kept |= {n: v[:, healthy] for n, v in arrays.items() if n.startswith("history_") and v.ndim == 2}
    return kept, healthy

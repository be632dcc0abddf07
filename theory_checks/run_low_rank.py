"""Train the nets of the low-rank experiment once, all seeds and ranks beside each other, measure them once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from purifyjax.sweep import describe, fingerprint, seed_keys, train_stage
from purifyjax.training import Phase, Training, TrainState, initial_state, start_stage, validate, with_rank
from purifyjax.training.trajectory import stage_keys
from theory_checks.evidence import Evidence
from theory_checks.experiments.low_rank import LowRank
from theory_checks.measure import low_rank as measure
from theory_checks.stored import Arrays, progress, report_diverged, stored_evidence, stored_stage


def low_rank_evidence(task: LowRank, seeds: np.ndarray, out: Path, resume: bool) -> Evidence:
    """The measured tables of the low-rank experiment, or the stored ones of the same run."""
    own = seeds[: task.seeds]

    def measured() -> Evidence:
        nets = {net: _trained(task, net, own, out, resume) for net in task.nets}
        healthy = np.logical_and.reduce([np.isfinite(net["weight"]).all(axis=(0, 2, 3)) for net in nets.values()])
        report_diverged(task.name, own, healthy)
        kept = {net: {n: values[:, healthy] for n, values in arrays.items()} for net, arrays in nets.items()}
        with progress(f"{task.name}: attacks, {healthy.sum()} seeds", measure.ticks(task), "net") as bar:
            found = measure.measure(task, own[healthy], kept, bar.update)
        found.config["diverged_seeds"] = [int(seed) for seed in own[~healthy]]
        return found

    return stored_evidence(out / "tables" / task.name, fingerprint(describe(task), own), resume, measured)


def _trained(task: LowRank, net: str, seeds: np.ndarray, out: Path, resume: bool) -> Arrays:
    """Weights [rank, seed, neuron, dim] and thresholds of one net: clean, after every rank, unrestricted."""
    training = task.nets[net]
    largest = max(task.ranks)
    validate(training.replace(rank=largest))
    keys = [jax.vmap(stage_keys)(seed_keys(seeds))[i] for i in range(3)]

    def stage(name: str, config: Training, phases: Sequence[Phase], keys: jax.Array, start: TrainState) -> Arrays:
        def train(**options: Any) -> Arrays:
            state = train_stage(keys, start, config, phases, **options).state
            return {"weight": np.asarray(state.weight), "threshold": np.asarray(state.threshold)}

        mark = fingerprint("low-rank", name, training, task.ranks if config.rank else (), seeds)
        label = f"{task.name}: {net}, {name} training, {len(keys)} nets"
        return stored_stage(out, mark, resume, label, sum(phase.steps for phase in phases), train)

    start = jax.lax.map(lambda key: initial_state(key, training), keys[0])
    clean = stage("clean", training, training.clean, keys[1], start)
    full = stage("adversarial", training, training.robust, keys[2], _restarted(clean, training))

    # All ranks of a seed see the same points: a key and a start for every pair, one rank after another.
    bounded, copies = training.replace(rank=largest), len(task.ranks)
    fresh = _restarted({name: np.concatenate([values] * copies) for name, values in clean.items()}, bounded)
    ranks = jnp.repeat(jnp.asarray(task.ranks), len(seeds))
    fresh = fresh._replace(optimizer=with_rank(fresh.optimizer, ranks))
    low = stage("low-rank", bounded, training.robust, jnp.concatenate([keys[2]] * copies), fresh)

    def along_ranks(name: str) -> np.ndarray:
        values = np.concatenate([clean[name], low[name], full[name]])
        return values.reshape(copies + 2, len(seeds), *values.shape[1:])

    return {name: along_ranks(name) for name in ("weight", "threshold")}


def _restarted(arrays: Arrays, training: Training) -> TrainState:
    """Nets with fresh optimisers."""
    states = TrainState(jnp.asarray(arrays["weight"]), jnp.asarray(arrays["threshold"]), None)
    return jax.vmap(lambda state: start_stage(state, training))(states)

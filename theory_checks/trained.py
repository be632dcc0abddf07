"""Nets of every stage and seed: trained once, read afterwards."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from purifyjax.commands.progress import steps
from purifyjax.provenance import Environment
from purifyjax.sweep import fingerprint
from theory_checks.experiment import Arrays, Experiment, Nets, Seeds, Stage
from theory_checks.spans import span, waiting
from theory_checks.store import Store

_training: dict[str, threading.Lock] = {}  # by the stage's mark
# Raised whenever the form of stored records, or how everything is measured, changes: older ones are then made anew.
FORMAT = 3


class TrainedNets(Mapping[str, Arrays]):
    """An experiment's nets by stage; a stage is trained, or read, when it is asked for.

    Args:
      store: where nets are kept, a record a stage and seed.
      checkpoints: folder of what trainings on the way go on from.
    """

    def __init__(self, experiment: Experiment, seeds: Seeds, store: Store, checkpoints: Path) -> None:
        self._experiment, self._seeds, self._store, self._checkpoints = experiment, seeds, store, checkpoints
        self._stages = {stage.name: stage for stage in experiment.stages()}
        self._arrays: dict[str, Arrays] = {}
        self.marks = stage_marks(experiment)

    def __getitem__(self, name: str) -> Arrays:
        if name not in self._arrays:
            self._arrays[name] = self._of(self._stages[name])
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._stages)

    def __len__(self) -> int:
        return len(self._stages)

    def environments(self) -> Iterator[Environment]:
        """Where the nets were made."""
        for name in self._stages:
            for seed in self._seeds:
                made = self._store.environment(_label(name), self.marks[name], seed_name(seed))
                if made is not None:
                    yield made

    def _of(self, stage: Stage) -> Arrays:
        """A stage's arrays: seeds that are stored are read, the others trained beside each other.

        Experiments share nets: where two run side by side, the second waits for what the first one trains.
        """
        label, mark = _label(stage.name), self.marks[stage.name]
        lock = _training.setdefault(mark, threading.Lock())
        with waiting():
            lock.acquire()
        try:
            return self._read_or_train(stage, label, mark)
        finally:
            lock.release()

    def _read_or_train(self, stage: Stage, label: str, mark: str) -> Arrays:
        records = {int(seed): self._store.read(label, mark, seed_name(seed)) for seed in self._seeds}
        missing = np.array([seed for seed, record in records.items() if record is None], self._seeds.dtype)
        if len(missing):
            arrays = self._train(stage, missing, mark)
            for place, seed in enumerate(missing):
                own = {name: values[place] for name, values in arrays.items()}
                self._store.write(label, mark, seed_name(seed), arrays=own)
            records |= {int(seed): self._store.read(label, mark, seed_name(seed)) for seed in missing}
        found = [record.arrays for record in records.values() if record is not None]
        return {name: np.stack([arrays[name] for arrays in found]) for name in found[0]}

    def _train(self, stage: Stage, seeds: Seeds, mark: str) -> Arrays:
        all_there = len(seeds) == len(self._seeds)
        before = self if all_there else TrainedNets(self._experiment, seeds, self._store, self._checkpoints)
        checkpoint = self._checkpoints / f"{mark}-{short(seeds)}.npz"
        if not self._store.resume:
            checkpoint.unlink(missing_ok=True)
        with steps(f"{self._experiment.name}: {stage.name} training, {len(seeds)} seeds", stage.steps) as bar:

            def report(done: int, loss: float) -> None:
                bar.update(done, loss=f"{loss:.3f}")

            started = {name: before[name] for name in stage.after}
            with span("train", stage=stage.name):
                return stage.train(seeds, started, checkpoint=checkpoint, mark=mark, progress=report)


class SomeNets(Mapping[str, Arrays]):
    """Some seeds of nets."""

    def __init__(self, nets: Nets, which: np.ndarray) -> None:
        self._nets, self._which = nets, which

    def __getitem__(self, name: str) -> Arrays:
        return {key: values[self._which] for key, values in self._nets[name].items()}

    def __iter__(self) -> Iterator[str]:
        return iter(self._nets)

    def __len__(self) -> int:
        return len(self._nets)


def stage_marks(experiment: Experiment) -> dict[str, str]:
    """The fingerprint of every stage: its config and the stages that it comes after."""
    found: dict[str, str] = {}
    for stage in experiment.stages():
        found[stage.name] = fingerprint(FORMAT, stage.config, stage.steps, [found[name] for name in stage.after])
    return found


def healthy(nets: Nets, seeds: Seeds) -> np.ndarray:
    """Which seeds' numbers are all finite, apart from their histories."""
    found = np.ones(len(seeds), bool)
    for stage in nets:
        for name, values in nets[stage].items():
            if not name.startswith("history_") and np.issubdtype(values.dtype, np.floating):
                found &= np.isfinite(values.reshape(len(values), -1)).all(axis=1)
    return found


def seed_name(seed: int | np.integer) -> str:
    """The name of a seed's record."""
    return f"seed-{int(seed)}"


def short(seeds: Seeds) -> str:
    """A name for a set of seeds."""
    return hashlib.sha256(str([int(seed) for seed in seeds]).encode()).hexdigest()[:12]


def _label(stage: str) -> str:
    return "nets-" + "".join(c if c.isalnum() else "-" for c in stage)

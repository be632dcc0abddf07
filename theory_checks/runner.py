"""The one way in which every experiment is run: own seeds → train once → leave out diverged → measure → store.

Nets and numbers are stored a seed at a time, under the fingerprint of everything that they hang on: another seed trains
that seed alone, another measurement trains nothing, and a finished run only reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from purifyjax.commands.progress import Progress, say
from purifyjax.errors import ConfigError
from purifyjax.sweep import fingerprint, load_arrays, save_arrays
from theory_checks.evidence import Evidence
from theory_checks.experiment import Experiment, Found, Seeds
from theory_checks.spans import span
from theory_checks.store import Record, Store
from theory_checks.trained import FORMAT, SomeNets, TrainedNets, healthy, seed_name, short


class Runner:
    """Runs experiments on seeds, with what is stored under a folder.

    Args:
      out: the folder.
      seeds: of the run; an experiment takes its first ones.
      resume: whether to read what is there; else everything is made anew, once.
      command: the command line, kept beside every number.
    """

    def __init__(self, out: Path, seeds: Sequence[int] | Seeds, *, resume: bool = True, command: str = "") -> None:
        self.out, self.seeds = out, np.asarray(seeds)
        self.store = Store(out / "store", command=command, resume=resume)

    def nets(self, experiment: Experiment, seeds: Seeds | None = None) -> TrainedNets:
        """The experiment's nets by stage, trained or read when they are asked for."""
        own = self.seeds[: experiment.seeds] if seeds is None else seeds
        return TrainedNets(experiment, own, self.store, self.out / "checkpoints")

    def evidence(self, experiment: Experiment) -> Evidence:
        """What is measured on an experiment, read where it is stored."""
        with span("other", experiment=experiment.name):
            return self._evidence(experiment)

    def _evidence(self, experiment: Experiment) -> Evidence:
        experiment.validate()
        own = self.seeds[: experiment.seeds]
        nets = self.nets(experiment)
        mark = measured_mark(experiment, nets)
        records = {int(seed): self._read(experiment, mark, seed_name(seed)) for seed in own}
        missing = np.array([seed for seed, record in records.items() if record is None], own.dtype)
        if len(missing):
            self._measure(experiment, missing, mark)
            records |= {int(seed): self._read(experiment, mark, seed_name(seed)) for seed in missing}
        found = {seed: record for seed, record in records.items() if record is not None}
        kept = {seed: record for seed, record in found.items() if not record.about["diverged"]}
        _report_diverged(experiment, own, kept)
        parts = [*kept.values()]
        shared = self._together(experiment, np.array([*kept], own.dtype), parts, mark)
        made = [*(record.environment for record in found.values()), *nets.environments()]
        if shared is not None:
            parts, made = [*parts, shared], [*made, shared.environment]
        names = dict.fromkeys(name for record in parts for name in record.tables)
        return Evidence(
            config=experiment,
            tables={name: _rows([r.tables[name] for r in parts if name in r.tables]) for name in names},
            seeds=tuple(kept),
            diverged=tuple(seed for seed in found if seed not in kept),
            environments=tuple(e for i, e in enumerate(made) if e not in made[:i]),
        )

    def _read(self, experiment: Experiment, mark: str, name: str) -> Record | None:
        return self.store.read(experiment.name, mark, name)

    def _measure(self, experiment: Experiment, seeds: Seeds, mark: str) -> None:
        """Measure seeds and store each one's rows and arrays, or that it diverged."""
        nets = self.nets(experiment, seeds)
        finite = healthy(nets, seeds)
        kept = seeds[finite]
        if len(kept):
            label = f"{experiment.name}: measuring, {len(kept)} seeds"
            with span("measure"), Progress(label) as progress:
                found = experiment.measure(kept, nets if finite.all() else SomeNets(nets, finite), progress)
            tables = {table: table.checked(frame) for table, frame in found.tables.items()}
            for place, seed in enumerate(kept):
                self.store.write(
                    experiment.name,
                    mark,
                    seed_name(seed),
                    arrays={name: values[place] for name, values in found.arrays.items()},
                    tables={table.name: frame[frame["seed"] == seed] for table, frame in tables.items()},
                    about={"diverged": False},
                )
        for seed in seeds[~finite]:
            self.store.write(experiment.name, mark, seed_name(seed), about={"diverged": True})

    def _together(self, experiment: Experiment, seeds: Seeds, kept: list[Record], mark: str) -> Record | None:
        """What takes all seeds at once, if the experiment has anything of the kind."""
        if type(experiment).together is Experiment.together:
            return None
        name = f"together-{short(seeds)}"
        record = self._read(experiment, mark, name)
        if record is None:
            arrays = {n: np.stack([record.arrays[n] for record in kept]) for n in kept[0].arrays}
            with span("measure"), Progress(f"{experiment.name}: {len(seeds)} seeds together") as progress:
                found = experiment.together(seeds, self.nets(experiment, seeds), arrays, progress) or Found({})
            tables = {table.name: table.checked(frame) for table, frame in found.tables.items()}
            self.store.write(experiment.name, mark, name, tables=tables)
            record = self._read(experiment, mark, name)
        return record

    def export(self, experiment: Experiment, seeds: Sequence[int]) -> Path | None:
        """Write the nets for other tools, trajectories/NAME.npz, unless the file is there and whole."""
        own = np.array(seeds, self.seeds.dtype)
        nets = self.nets(experiment, own)
        path = self.out / "trajectories" / f"{experiment.name}.npz"
        mark = fingerprint(nets.marks, own)
        if type(experiment).trajectory is Experiment.trajectory:
            return None
        with span("disk", experiment=experiment.name):
            if load_arrays(path, mark) is not None:
                return path
            save_arrays(path, mark, {"seeds": own, **(experiment.trajectory(own, nets) or {})})
        return path


def measured_mark(experiment: Experiment, nets: TrainedNets) -> str:
    """The fingerprint of what is measured on a seed: the experiment's config, and how its nets were trained."""
    return fingerprint(
        FORMAT, type(experiment).__name__, experiment.version, experiment.identity(), list(nets.marks.values())
    )


def _rows(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Rows one after another; an empty frame has no types of its own and would spoil those of the others."""
    return pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)


def _report_diverged(experiment: Experiment, seeds: Seeds, kept: dict[int, Record]) -> None:
    """Say which seeds are left out; `ConfigError` if none is healthy."""
    if not kept:
        raise ConfigError(f"experiment {experiment.name}: training diverged for every seed; lower the learning rates")
    for seed in seeds:
        if int(seed) not in kept:
            say(f"{experiment.name}: seed {seed} diverged and is left out")

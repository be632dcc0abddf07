"""Nets and evidence on disk: read if they are the same run's, made and written otherwise; progress on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from purifyjax.errors import ConfigError
from purifyjax.files import atomic_path, write_text
from purifyjax.sweep import load_arrays, save_arrays
from theory_checks.evidence import FORMAT, TABLES, Evidence

Arrays = dict[str, np.ndarray]


def stored_stage(out: Path, mark: str, resume: bool, label: str, steps: int, train: Callable[..., Arrays]) -> Arrays:
    """The arrays of a training stage that lie under `out` with this mark; else what `train` finds, which is stored.

    Args:
      label: of the progress bar.
      steps: of the whole stage.
      train: called with the options `checkpoint`, `mark` and `progress` of `run_stage`.
    """
    path = out / "stages" / f"{mark}.npz"
    stored = load_arrays(path, mark) if resume else None
    if stored is not None:
        return stored
    checkpoint = path.with_suffix(".part.npz")
    if not resume:
        checkpoint.unlink(missing_ok=True)
    with progress(label, steps, "step") as bar:

        def report(done: int, loss: float) -> None:
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
            bar.update(done)

        arrays = train(checkpoint=checkpoint, mark=mark, progress=report)
    save_arrays(path, mark, arrays)
    return arrays


def report_diverged(experiment: str, seeds: np.ndarray, healthy: np.ndarray) -> None:
    """Say which seeds are left out; `ConfigError` if none is healthy."""
    if not healthy.any():
        raise ConfigError(f"experiment {experiment}: training diverged for every seed; lower the learning rates")
    for seed in seeds[~healthy]:
        tqdm.write(f"{experiment}: seed {seed} diverged and is left out")


def stored_evidence(folder: Path, mark: str, resume: bool, measure: Callable[[], Evidence]) -> Evidence:
    """The evidence that lies in the folder under this mark; else what `measure` finds, which is stored there."""
    mark = f"{mark}-{FORMAT}"
    found = _read(folder, mark) if resume else None
    if found is None:
        found = measure()
        _write(folder, mark, found)
    return found


def progress(label: str, total: int, unit: str) -> tqdm:
    """A bar with rate and ETA, on standard error."""
    return tqdm(total=total, desc=label, unit=unit, dynamic_ncols=True, smoothing=0.1)


def _write(folder: Path, mark: str, found: Evidence) -> None:
    tables = {name: table for name in TABLES if len((table := getattr(found, name)).columns)}
    for name, table in tables.items():
        with atomic_path(folder / f"{name}.parquet") as temporary:
            table.to_parquet(temporary)
    about = {
        "fingerprint": mark,
        "experiment": found.experiment,
        "radius": found.radius,
        "config": found.config,
        "tables": list(tables),
    }
    # Last, so that its presence says that the tables are whole.
    write_text(folder / "evidence.json", json.dumps(about, indent=1))


def _read(folder: Path, mark: str) -> Evidence | None:
    try:
        about = json.loads((folder / "evidence.json").read_text())
        if about["fingerprint"] != mark:
            return None
        tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in about["tables"]}
    except (OSError, ValueError, KeyError):
        return None
    return Evidence(about["experiment"], about["config"], about["radius"], **tables)

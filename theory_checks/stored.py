"""Evidence on disk: read if it is the same run's, measured and written otherwise; progress on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from purifyjax.files import atomic_path, write_text
from theory_checks.evidence import FORMAT, TABLES, Evidence


def stored_evidence(folder: Path, mark: str, resume: bool, measure: Callable[[], Evidence]) -> Evidence:
    """The evidence that lies in the folder under this mark; else what `measure` finds, which is stored there."""
    mark = f"{mark}-{FORMAT}-{len(TABLES)}"
    found = _read(folder, mark) if resume else None
    if found is None:
        found = measure()
        _write(folder, mark, found)
    return found


def progress(label: str, total: int, unit: str) -> tqdm:
    """A bar with rate and ETA, on standard error."""
    return tqdm(total=total, desc=label, unit=unit, dynamic_ncols=True, smoothing=0.1)


def _write(folder: Path, mark: str, found: Evidence) -> None:
    for name in TABLES:
        with atomic_path(folder / f"{name}.parquet") as temporary:
            getattr(found, name).to_parquet(temporary)
    about = {
        "fingerprint": mark,
        "experiment": found.experiment,
        "radius": found.radius,
        "config": found.config,
    }
    # Last, so that its presence says that the tables are whole.
    write_text(folder / "evidence.json", json.dumps(about, indent=1))


def _read(folder: Path, mark: str) -> Evidence | None:
    try:
        about = json.loads((folder / "evidence.json").read_text())
        if about["fingerprint"] != mark:
            return None
        tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in TABLES}
    except (OSError, ValueError, KeyError):
        return None
    return Evidence(about["experiment"], about["config"], about["radius"], **tables)

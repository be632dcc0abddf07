"""Arrays on disk under the fingerprint of what made them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from purifyjax.files import atomic_path

# Raised whenever the meaning of a config or of a stored array changes: old files are then not reused.
FORMAT = 1
_FINGERPRINT = "fingerprint"


def describe(record: Any) -> Any:
    """A config as plain JSON values (dataclasses become dictionaries, tuples lists)."""
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        fields = {f.name: describe(getattr(record, f.name)) for f in dataclasses.fields(record)}
        return {"type": type(record).__name__, **fields}
    if isinstance(record, dict):
        return {str(name): describe(value) for name, value in record.items()}
    if isinstance(record, list | tuple):
        return [describe(value) for value in record]
    tolist = getattr(record, "tolist", None)
    return record if tolist is None else tolist()


def fingerprint(*records: Any) -> str:
    """A hash of configs and plain values: equal if and only if they describe the same run."""
    text = json.dumps([FORMAT, *map(describe, records)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def save_arrays(path: Path, mark: str, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays and their fingerprint as one `.npz`, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **{_FINGERPRINT: np.array(mark)}, **arrays)  # pyright: ignore[reportArgumentType]


def load_arrays(path: Path, mark: str) -> dict[str, np.ndarray] | None:
    """The arrays stored under this fingerprint; None if there are none, or another run's, or unreadable."""
    try:
        # numpy leaves a file open that it fails to read: open it here.
        with open(path, "rb") as file, np.load(file) as stored:
            if str(stored[_FINGERPRINT]) != mark:
                return None
            return {name: stored[name] for name in stored.files if name != _FINGERPRINT}
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        return None

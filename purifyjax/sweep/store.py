"""Arrays on disk under the fingerprint of what made them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from purifyjax.errors import require
from purifyjax.files import atomic_path

# Raised whenever the meaning of a config or of a stored array changes: old files are then not reused.
FORMAT = 1
_FINGERPRINT = "fingerprint"
_CHECKSUM = "checksum"


def describe(record: Any) -> Any:
    """A config as plain JSON values (dataclasses become dictionaries, tuples lists, arrays and sets lists).

    Raises:
      ConfigError: it holds something that is known by its place in memory only, such as a function: a fingerprint of
        it would say nothing.
    """
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        # What does not count in comparisons, such as the name of an attack, changes no number.
        fields = {f.name: describe(getattr(record, f.name)) for f in dataclasses.fields(record) if f.compare}
        return {"type": type(record).__name__, **fields}
    if isinstance(record, dict):
        return {str(name): describe(value) for name, value in record.items()}
    if isinstance(record, list | tuple):
        return [describe(value) for value in record]
    if isinstance(record, set | frozenset):
        return sorted(map(describe, record), key=json.dumps)
    if isinstance(record, bool | int | float | str | None):
        return record
    if isinstance(record, os.PathLike):
        return str(record)
    tolist = None if isinstance(record, type) else getattr(record, "tolist", None)
    require(tolist is not None, "value of a config", record, "a record, number, text or array")
    return describe(tolist())  # pyright: ignore[reportOptionalCall]


def fingerprint(*records: Any) -> str:
    """A hash of configs and plain values: equal if and only if they describe the same run."""
    text = json.dumps([FORMAT, *map(describe, records)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def save_arrays(path: Path, mark: str, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays, their fingerprint and a checksum as one `.npz`, whole or not at all."""
    own = {_FINGERPRINT: np.array(mark), _CHECKSUM: np.array(_checksum(mark, arrays))}
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **own, **arrays)  # pyright: ignore[reportArgumentType]


def load_arrays(path: Path, mark: str) -> dict[str, np.ndarray] | None:
    """The arrays stored under this fingerprint; None if there are none, or another run's, or damaged ones."""
    try:
        # numpy leaves a file open that it fails to read: open it here.
        with open(path, "rb") as file, np.load(file) as stored:
            if str(stored[_FINGERPRINT]) != mark:
                return None
            arrays = {name: stored[name] for name in stored.files if name not in (_FINGERPRINT, _CHECKSUM)}
            return arrays if str(stored[_CHECKSUM]) == _checksum(mark, arrays) else None
    except Exception:  # a damaged archive may raise any error of zipfile, zlib, struct or numpy
        return None


def _checksum(mark: str, arrays: dict[str, np.ndarray]) -> str:
    """SHA-256 over the fingerprint and every array's name, dtype, shape and bytes."""
    digest = hashlib.sha256(mark.encode())
    for name, values in sorted(arrays.items()):
        array = np.asarray(values)
        digest.update(repr((name, array.dtype.str, array.shape)).encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()

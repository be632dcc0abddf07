"""Results on disk that cannot lie: whole or absent, known by all that made them, and checked when they are read.

A record is a folder with arrays (`arrays.npz`), tables (`NAME.parquet`) and `record.json`: the fingerprint of what made
it, where, when and by which command, and a checksum of every file and of itself. It is written under a temporary name
and renamed, and never changed afterwards, so that runs with other settings in the same folder, killed at any moment,
change nothing that is there, and folders of several machines merge by copying records.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from purifyjax.commands.progress import say
from purifyjax.files import atomic_path, remove, write_bytes
from purifyjax.provenance import Environment, environment, from_plain
from purifyjax.sealed import DamagedError, read_sealed, write_sealed

_ABOUT, _ARRAYS = "record.json", "arrays.npz"


@dataclass(frozen=True)
class Record:
    """What was stored.

    Attributes:
      arrays, tables: by name.
      about: further plain values.
      environment: where it was made.
    """

    arrays: dict[str, np.ndarray]
    tables: dict[str, pd.DataFrame]
    about: dict[str, Any]
    environment: Environment


class Store:
    """The records under a folder, at LABEL-FINGERPRINT/NAME.

    Args:
      command: kept beside what is written.
      resume: whether to read what earlier processes left; else only what this one wrote.
    """

    def __init__(self, folder: Path, *, command: str = "", resume: bool = True) -> None:
        self.folder, self.command, self.resume = folder, command, resume
        self._written: set[Path] = set()

    def path(self, label: str, mark: str, name: str) -> Path:
        """Where a record lies."""
        return self.folder / f"{label}-{mark}" / name

    def read(self, label: str, mark: str, name: str) -> Record | None:
        """The record, or None if there is none; one that is damaged is named and removed, so that it is made anew."""
        path = self.path(label, mark, name)
        if not path.exists() or not (self.resume or path in self._written):
            return None
        try:
            return _read(path, mark)
        except DamagedError as damage:
            say(f"{damage}: made anew")
            remove(path)
            return None

    def environment(self, label: str, mark: str, name: str) -> Environment | None:
        """Where a record was made, without reading its numbers; None if there is none, or if that is damaged."""
        try:
            return from_plain(read_sealed(self.path(label, mark, name) / _ABOUT)["environment"])
        except DamagedError:
            return None

    def write(
        self,
        label: str,
        mark: str,
        name: str,
        arrays: Mapping[str, np.ndarray] | None = None,
        tables: Mapping[str, pd.DataFrame] | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        """Store a record, whole or not at all; one of that name is replaced."""
        path = self.path(label, mark, name)
        with atomic_path(path) as temporary:
            temporary.mkdir()
            if arrays:
                np.savez(temporary / _ARRAYS, **arrays)  # pyright: ignore[reportArgumentType]
            for table, frame in (tables or {}).items():
                write_bytes(temporary / f"{table}.parquet", frame.to_parquet(index=False))
            content = {
                "label": label,
                "fingerprint": mark,
                "name": name,
                "about": dict(about or {}),
                "environment": environment().plain(),
                "command": self.command,
                "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "files": {file.name: _digest(file) for file in sorted(temporary.iterdir())},
            }
            write_sealed(temporary / _ABOUT, content)
        self._written.add(path)

    def records(self) -> Iterator[Path]:
        """The folders of all records."""
        yield from sorted(about.parent for about in self.folder.glob(f"*/*/{_ABOUT}"))

    def adopt(self, other: Path) -> int:
        """Copy the whole records of another store's folder that are missing or damaged here; how many.

        The other folder stays as it is; its damaged records are named and left out.
        """
        count = 0
        for theirs in Store(other).records():
            label, _, mark = theirs.parent.name.rpartition("-")
            if self.read(label, mark, theirs.name) is not None:
                continue
            try:
                _read(theirs, mark)
            except DamagedError as damage:
                say(f"{damage}: left out")
                continue
            with atomic_path(self.path(label, mark, theirs.name)) as temporary:
                temporary.mkdir()
                for file in theirs.iterdir():  # `copytree` would go on after a full disk, and tell of it in its own way
                    shutil.copyfile(file, temporary / file.name)
            count += 1
        return count


def _read(path: Path, mark: str) -> Record:
    """The record in a folder; `DamagedError` if a file of it is not what was written."""
    content = read_sealed(path / _ABOUT)
    if content.get("fingerprint") != mark:
        raise DamagedError(f"{path / _ABOUT} is of another fingerprint")
    for name, digest in content["files"].items():
        if not (path / name).is_file() or _digest(path / name) != digest:
            raise DamagedError(f"{path / name} is damaged, its checksum differs")
    arrays: dict[str, np.ndarray] = {}
    if _ARRAYS in content["files"]:
        with np.load(path / _ARRAYS) as stored:
            arrays = {name: stored[name] for name in stored.files}
    names = [name.removesuffix(".parquet") for name in content["files"] if name.endswith(".parquet")]
    # From memory: pyarrow opens no path of odd bytes.
    tables = {name: pd.read_parquet(io.BytesIO((path / f"{name}.parquet").read_bytes())) for name in names}
    return Record(arrays, tables, content["about"], from_plain(content["environment"]))


def _digest(file: Path) -> str:
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()

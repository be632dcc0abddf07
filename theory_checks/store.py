"""Results on disk that cannot lie: whole or absent, known by all that made them, and checked when they are read.

A record is a folder with arrays (`arrays.npz`), tables (`NAME.parquet`) and `record.json`: the fingerprint of what made
it, where, when and by which command, and a checksum of every file and of itself. It is written under a temporary name
and renamed, and never changed afterwards, so that runs with other settings in the same folder, killed at any moment,
change nothing that is there, and folders of several machines merge by copying records.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from purifyjax.errors import ConfigError
from theory_checks.progress import say
from theory_checks.provenance import Environment, environment, from_plain

_TEMPORARY = re.compile(r"^\.[0-9a-f]{8}\.")  # as `purifyjax.files` and `Store.write` name what is not whole yet
FOLDERS = ("store", "checkpoints", "tables", "figures", "trajectories")  # of a run
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
        except _DamagedError as damage:
            say(f"{damage}: made anew")
            shutil.rmtree(path, ignore_errors=True)
            return None

    def environment(self, label: str, mark: str, name: str) -> Environment | None:
        """Where a record was made, without reading its numbers; None if there is none."""
        try:
            content = json.loads((self.path(label, mark, name) / _ABOUT).read_text(encoding="utf-8"))
            return from_plain(content["environment"])
        except (OSError, ValueError, KeyError, TypeError):
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
        temporary = path.with_name(f".{secrets.token_hex(4)}.{name}")
        temporary.mkdir(parents=True)
        try:
            if arrays:
                np.savez(temporary / _ARRAYS, **arrays)  # pyright: ignore[reportArgumentType]
            for table, frame in (tables or {}).items():
                frame.to_parquet(temporary / f"{table}.parquet", index=False)
            files = {file.name: _digest(file) for file in sorted(temporary.iterdir())}
            content = {
                "label": label,
                "fingerprint": mark,
                "name": name,
                "about": dict(about or {}),
                "environment": environment().plain(),
                "command": self.command,
                "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "files": files,
            }
            (temporary / _ABOUT).write_text(
                json.dumps(content | {"checksum": _checksum(content)}, indent=1, ensure_ascii=False), encoding="utf-8"
            )
            if path.exists():
                shutil.rmtree(path)
            os.replace(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
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
            except _DamagedError as damage:
                say(f"{damage}: left out")
                continue
            mine = self.path(label, mark, theirs.name)
            temporary = mine.with_name(f".{secrets.token_hex(4)}.{mine.name}")
            try:
                shutil.copytree(theirs, temporary)
                os.replace(temporary, mine)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
            count += 1
        return count


def sweep(folder: Path) -> None:
    """Remove what killed processes left half-written in a run's folder. Call it while nobody else writes there."""
    places = [*folder.glob(".*"), *(path for own in FOLDERS for path in (folder / own).rglob(".*"))]
    for path in places:
        if _TEMPORARY.match(path.name):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Have the folder to oneself; it is free again when the process ends, however it ends.

    Args:
      wait: for another process to finish; else `ConfigError` if there is one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            if not wait:
                raise ConfigError(
                    f"--out {folder} is in use by {holder}: wait for it, or choose another folder"
                ) from None
            say(f"{folder} is in use by {holder}: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(f"process {os.getpid()}")
        file.flush()
        yield


class _DamagedError(Exception):
    """A record whose files are not what was written."""


def _read(path: Path, mark: str) -> Record:
    try:
        content = json.loads((path / _ABOUT).read_text(encoding="utf-8"))
        checksum = content.pop("checksum")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise _DamagedError(f"{path / _ABOUT} is not readable") from None
    if checksum != _checksum(content) or content["fingerprint"] != mark:
        raise _DamagedError(f"{path / _ABOUT} is damaged, its checksum differs")
    for name, digest in content["files"].items():
        if not (path / name).exists() or _digest(path / name) != digest:
            raise _DamagedError(f"{path / name} is damaged, its checksum differs")
    arrays: dict[str, np.ndarray] = {}
    if _ARRAYS in content["files"]:
        with np.load(path / _ARRAYS) as stored:
            arrays = {name: stored[name] for name in stored.files}
    names = [name.removesuffix(".parquet") for name in content["files"] if name.endswith(".parquet")]
    tables = {name: pd.read_parquet(path / f"{name}.parquet") for name in names}
    return Record(arrays, tables, content["about"], from_plain(content["environment"]))


def _digest(file: Path) -> str:
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _checksum(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

"""The store of a run, with the time that it takes recorded, and the run's folder."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from purifyjax import store
from purifyjax.commands.progress import say
from purifyjax.errors import ConfigError
from purifyjax.files import remove
from purifyjax.store import Record
from theory_checks.spans import span

__all__ = ["FOLDERS", "Record", "Store", "locked", "sweep"]

_TEMPORARY = re.compile(r"^\.[0-9a-f]{8}\.")  # as `purifyjax.files` names what is not whole yet
FOLDERS = ("store", "checkpoints", "tables", "figures", "trajectories")  # of a run


class Store(store.Store):
    """`purifyjax.store.Store`, whose reading and writing counts as time of the disk."""

    @span("disk")
    def read(self, label: str, mark: str, name: str) -> Record | None:
        return super().read(label, mark, name)

    @span("disk")
    def write(self, label: str, mark: str, name: str, *content: Any, **named: Any) -> None:
        super().write(label, mark, name, *content, **named)


def sweep(folder: Path) -> None:
    """Remove what killed processes left half-written in a run's folder. Call it while nobody else writes there."""
    places = [*folder.glob(".*"), *(path for own in FOLDERS for path in (folder / own).rglob(".*"))]
    for path in places:
        if _TEMPORARY.match(path.name):
            remove(path)


@contextmanager
def locked(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Have the folder to oneself; it is free again when the process ends, however it ends.

    Args:
      wait: for another process to finish; else `ConfigError` if there is one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "ab+", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().decode(errors="replace").strip() or "another process"
            if not wait:
                raise ConfigError(
                    f"--out {folder} is in use by {holder}: wait for it, or choose another folder"
                ) from None
            say(f"{folder} is in use by {holder}: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        with suppress(OSError):  # on a full disk the holder remains without a name
            file.truncate(0)
            file.write(f"process {os.getpid()}".encode())
        yield

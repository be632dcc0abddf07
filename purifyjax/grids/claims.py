"""Who computes what: a file a claim, so that any number of processes may come, go and die.

A claim is made by creating its file, which only one process can. Its owner touches it now and then; a claim whose owner
died, or says nothing for long, is anybody's.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

STALE = 300.0  # seconds without a sign of life after which a claim is anybody's
_LOCK = ".lock"
_BEAT = 0.1  # how often an owner touches its file, in units of that


class Claims:
    """The claims under a folder.

    Args:
      stale: seconds without a sign of life after which a claim is anybody's. Clocks of machines that share the folder
        may differ by less than that.
    """

    def __init__(self, folder: Path, stale: float = STALE) -> None:
        self.folder, self.stale = folder, stale

    @contextmanager
    def claimed(self, name: str) -> Iterator[bool]:
        """Within the block the name is this process's; False if it is another's."""
        path = self.folder / name
        if not (self._create(path) or (self._is_free(path) and self._take_over(path))):
            yield False
            return
        done = threading.Event()
        beat = threading.Thread(target=self._touch, args=(path, done), daemon=True)
        beat.start()
        try:
            yield True
        finally:
            done.set()
            beat.join()
            with suppress(OSError):
                path.unlink()

    def is_held(self, name: str) -> bool:
        """Whether somebody who is alive holds the name."""
        path = self.folder / name
        return path.exists() and not self._is_free(path)

    def _create(self, path: Path) -> bool:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            return False
        with os.fdopen(file, "w") as opened:
            json.dump({"host": socket.gethostname(), "process": os.getpid(), "boot": _boot()}, opened)
        return True

    def _is_free(self, path: Path) -> bool:
        """Whether the owner of a claim is dead or silent."""
        try:
            silent = time.time() - path.stat().st_mtime > self.stale
            owner = json.loads(path.read_text())
            here = (owner["host"], owner["boot"]) == (socket.gethostname(), _boot())
            return silent or (here and not _runs(owner["process"]))
        except FileNotFoundError:
            return True
        except (OSError, ValueError, KeyError, TypeError):  # its owner is writing it, or died while it did
            return silent

    def _take_over(self, path: Path) -> bool:
        """Claim what a dead or silent owner holds. One process at a time looks and removes."""
        with open(self.folder / _LOCK, "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self._is_free(path):
                return False
            with suppress(OSError):
                path.unlink()
            return self._create(path)

    def _touch(self, path: Path, done: threading.Event) -> None:
        while not done.wait(_BEAT * self.stale):
            with suppress(OSError):
                os.utime(path)


def _boot() -> str:
    """What tells this start of the machine, or this container, from others of the same name; empty if unknown."""
    with suppress(OSError):
        space = os.stat("/proc/self/ns/pid").st_ino
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}-{space}"
    return ""


def _runs(process: int) -> bool:
    """Whether a process of this machine lives."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True

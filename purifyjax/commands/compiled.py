"""Compiled programs kept from one command to the next, in the user's cache folder: a second run hardly compiles.

jax's own variables come first: `JAX_COMPILATION_CACHE_DIR` names another folder (if it is empty, none), and
`JAX_ENABLE_COMPILATION_CACHE=0` keeps nothing.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from purifyjax.commands.numerics import configured

LARGEST = 2**30  # bytes of the folder at the start of a command
# Programs that take longer (in seconds) are kept, of any size.
_LEAST = {"jax_persistent_cache_min_compile_time_secs": 0.05, "jax_persistent_cache_min_entry_size_bytes": -1}
_FOLDER = "jax_compilation_cache_dir"


@contextmanager
def kept() -> Iterator[None]:
    """Within the block programs are read from the folder, or compiled and written there.

    Nothing of it is an error: where the folder cannot be written programs are compiled, as they are where a file is
    damaged or the disk full.
    """
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    with warnings.catch_warnings():
        # Another process may be writing the file that this one reads. The program is then compiled: nothing to tell.
        warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache entry")
        asked = jax.config.jax_compilation_cache_dir is not None  # pyright: ignore[reportAttributeAccessIssue]
        off = not jax.config.jax_enable_compilation_cache  # pyright: ignore[reportAttributeAccessIssue]
        folder = None if asked or off else _folder()
        if folder is None:
            yield
            return
        bound(folder)
        try:
            with configured({_FOLDER: str(folder)} | _LEAST):
                yield
        finally:
            compilation_cache.reset_cache()  # it would remember its folder


def bound(folder: Path, largest: int = LARGEST) -> None:
    """Remove the programs that were used longest ago, until the others take so many bytes at most.

    jax would keep the bound by itself only with a package that is not among our requirements.
    """
    found = []
    with suppress(OSError):
        for path in folder.iterdir():
            with suppress(OSError):  # another process removes it too
                about = path.stat()
                # File systems note the reading of a file once a day or not at all.
                found.append((max(about.st_atime, about.st_mtime), about.st_size, path))
    total = 0
    for _, size, path in sorted(found, reverse=True):
        total += size
        if total > largest:
            with suppress(OSError):
                path.unlink()


def _folder() -> Path | None:
    """Where programs are kept, or None where they cannot be. It is the user's alone: what lies there is executed."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    path = Path(base if os.path.isabs(base) else os.path.expanduser("~/.cache")) / "purifyjax" / "programs"
    if not path.is_absolute():  # nobody's home is known
        return None
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, ValueError):
        return None
    return path if os.access(path, os.R_OK | os.W_OK | os.X_OK) else None

"""Files and folders that are either complete or absent."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class WriteError(OSError):
    """A file or folder could not be written: nothing is left of it, and what was there before is as it was."""

    def __str__(self) -> str:
        return f"{self.filename} cannot be written: {self.strerror}"


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block succeeds.

    A reader sees the old file, or folder, or the whole new one, never a part of it. The temporary name ends like
    `path` does, so that writers which look at the suffix (`.npz`, `.png`) write the right format and
    append nothing. Missing parent folders are made.

    Args:
      path: where what is finished is to lie; replaced if it exists.

    Raises:
      WriteError: the system refused (a full disk, say), however the writer in the block told it.
      FileNotFoundError: the block ended without writing to the temporary path.
      Anything else that the block raises, interrupts included; in all cases the temporary file is then removed and
      `path` is as it was before.
    """
    target = Path(path)
    # Not `tempfile`: its files are private to the user (mode 600) and would stay so after the rename.
    temporary = target.with_name(f".{secrets.token_hex(4)}.{target.name}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if temporary.is_dir():  # which cannot be renamed onto another
            remove(target)
        os.replace(temporary, target)
    except Exception as error:
        refused = _refusal(error)
        if refused is None:
            raise
        reason = os.strerror(refused.errno) if refused.errno else str(refused)
        raise WriteError(refused.errno, reason, str(target)) from error
    finally:
        remove(temporary)


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write `content` to `path`, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` to `path` as UTF-8 with `\\n` line ends, atomically.

    Surrogates, as file names of odd bytes have them, become `\\udcff`: in JSON still the same character.
    """
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with all that it holds, as far as that is possible."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _refusal(error: BaseException | None) -> OSError | None:
    """The system's own error behind what a writer raised: zipfile and others raise theirs while they close."""
    while error is not None:
        # What the block itself lacks is a fault of the program, with its own name.
        if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
            return error
        error = error.__cause__ or error.__context__
    return None

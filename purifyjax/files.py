"""Files that are either complete or absent."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block succeeds.

    A reader sees the old file or the whole new one, never a part of it. The temporary name ends like
    `path` does, so that writers which look at the suffix (`.npz`, `.png`) write the right format and
    append nothing. Missing parent folders are made.

    Args:
      path: where the finished file is to lie; replaced if it exists.

    Raises:
      FileNotFoundError: the block ended without writing the temporary file.
      Anything that the block raises, interrupts included; the temporary file is then removed and
      `path` is as it was before.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Not `tempfile`: its files are private to the user (mode 600) and would stay so after the rename.
    temporary = target.with_name(f".{secrets.token_hex(4)}.{target.name}")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` to `path` as UTF-8 with `\\n` line ends, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")

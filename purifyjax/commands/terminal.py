"""Standard output and error that do not fail: whatever their encoding, their width, and whether anyone still reads."""

from __future__ import annotations

import io
import os
import select
import shutil
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

WIDTH = 100


@contextmanager
def lasting() -> Iterator[None]:
    """Within the block nothing that is printed raises: a run's report and status do not hang on its readers.

    What goes to a pipe that is closed (`| head`), a terminal that is gone or a full disk is dropped, characters that
    the encoding lacks are replaced, and streams that were closed from the start (`>&-`) lead nowhere. Streams that do
    not belong to the process, such as a test's or a notebook's, keep their place.
    """
    _open_all()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_lasting(stream, number) for stream, number in zip(before, (1, 2), strict=True))
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdout, sys.stderr = before


def printable(text: str) -> str:
    """The text in one line: newlines and other characters that would steer a terminal become their escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def encodable(text: str, stream: TextIO) -> str:
    """The text with characters replaced that the stream's encoding lacks."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def width(stream: TextIO | None = None) -> int:
    """Columns for a line: of the terminal, or as COLUMNS says, and 100 at most."""
    out = sys.stdout if stream is None else stream
    return min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns if out.isatty() else _columns())


def fold(text: str, columns: int) -> list[str]:
    """A line in pieces of so many columns at most; what follows the first is indented."""
    return textwrap.wrap(text, columns, subsequent_indent="  ") or [""]


def coloured(stream: TextIO | None = None) -> bool:
    """Whether to colour: on a terminal, unless the variable NO_COLOR is set and not empty (https://no-color.org)."""
    out = sys.stdout if stream is None else stream
    return out.isatty() and not os.environ.get("NO_COLOR")


class _Lasting(io.FileIO):
    """A stream of the process that drops what it cannot write."""

    def write(self, data) -> int | None:
        try:
            while (written := super().write(data)) is None:  # it is not blocking, and full
                select.select((), (self,), ())
            return written
        except OSError:
            return len(memoryview(data).cast("B"))


def _columns() -> int:
    """What COLUMNS says, if it is a positive number."""
    said = os.environ.get("COLUMNS", "")
    return int(said) if said.isdecimal() and int(said) else WIDTH


def _open_all() -> None:
    """Lead standard streams that are closed nowhere: else the next file that is opened takes their place and text."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, this one


def _lasting(stream: TextIO | None, number: int) -> TextIO:
    try:
        own = stream is None or stream.fileno() == number
    except (OSError, ValueError):  # it has no number, or is closed
        own = stream is not None and stream.closed
    if not own:
        assert stream is not None  # for the type checker
        return stream
    if stream is not None and not stream.closed:
        stream.flush()
    raw = _Lasting(number, "w", closefd=False)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors="replace", line_buffering=True)

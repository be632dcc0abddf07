"""Progress with rate and ETA in one place: loops say what they go over, nobody counts."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterator
from typing import Any, TextIO, TypeVar

from tqdm import tqdm

from purifyjax.commands.beside import look
from purifyjax.commands.terminal import encodable, printable

T = TypeVar("T")
_SHARE, _SECONDS = 0.1, 30.0  # between two lines of a log


class Bar:
    """How far a task is: a bar on a terminal; in a log a line now and then.

    A log gets a line at the end, and before it at most one each tenth of the task and each half minute.

    Args:
      total: of what `update` counts.
      silent: whether to show nothing.
      options: of tqdm, for the bar.
    """

    def __init__(self, label: str, total: float, *, silent: bool = False, **options: Any) -> None:
        self._label, self._total, self._done, self._postfix = label, total, 0.0, ""
        self._start = self._told_at = time.monotonic()
        self._told = 0.0
        self._log = not (silent or sys.stderr.isatty())
        shown = not (silent or self._log)
        self._bar = tqdm(total=total, desc=label, dynamic_ncols=True, smoothing=0.1, **options) if shown else None

    def update(self, done: float = 1, **told: str) -> None:
        """So much more is done; `told` is shown beside it. Where the rest of the run ends, so does this."""
        look()
        self._done += done
        self._postfix = ", ".join(f"{name}={value}" for name, value in told.items())
        if self._bar is not None:
            self._bar.set_postfix(told, refresh=False)
            self._bar.update(done)
        elif self._done >= self._told + _SHARE * self._total and time.monotonic() >= self._told_at + _SECONDS:
            self._tell()

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
        elif self._done > self._told:
            self._tell()

    def _tell(self) -> None:
        if self._log:
            self._told, self._told_at = self._done, time.monotonic()
            form = "{desc}: {percentage:3.0f}% [{elapsed}<{remaining}{postfix}]"
            about: dict[str, Any] = {"prefix": self._label, "postfix": self._postfix, "bar_format": form}
            say(tqdm.format_meter(self._done, self._total, self._told_at - self._start, **about))


class Progress:
    """A share between 0 and 1 of one task; loops within loops divide the share of the item that they belong to.

    with Progress("attacks") as progress:
        for net in progress.over(nets):
            for attack in progress.over(suite):
                ...
    """

    def __init__(self, label: str, *, silent: bool = False) -> None:
        self._share = 1.0  # of the item that the innermost loop is at
        self._bar = Bar(
            label, 1.0, silent=silent, bar_format="{desc}: {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]"
        )
        self._done = 0.0

    def over(self, items: Collection[T]) -> Iterator[T]:
        """The items, each an equal part of what is left to the loop."""
        share = self._share
        for item in items:
            end = self._done + share / len(items)
            self._share = share / len(items)
            yield item
            self._to(end)
        self._share = share

    def _to(self, done: float) -> None:
        if done > self._done:
            self._bar.update(min(done, 1.0) - self._done)
            self._done = min(done, 1.0)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.__exit__()


def steps(label: str, total: int) -> Bar:
    """A bar over the steps of a training, with rate and ETA."""
    return Bar(label, total, unit="step")


def say(text: str, stream: TextIO | None = None) -> None:
    """Lines on standard error, or another stream, that leave bars whole."""
    out: TextIO = sys.stderr if stream is None else stream
    lines = "\n".join(map(printable, text.split("\n")))
    tqdm.write(encodable(lines, out), file=out)
    out.flush()

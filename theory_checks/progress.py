"""Progress with rate and ETA in one place: loops say what they go over, nobody counts."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from typing import TextIO, TypeVar

from tqdm import tqdm

T = TypeVar("T")


class Progress:
    """A share between 0 and 1 of one task; loops within loops divide the share of the item that they belong to.

    with Progress("attacks") as progress:
        for net in progress.over(nets):
            for attack in progress.over(suite):
                ...
    """

    def __init__(self, label: str, *, silent: bool = False) -> None:
        self._share = 1.0  # of the item that the innermost loop is at
        self._bar = tqdm(
            total=1.0,
            desc=label,
            disable=silent,
            dynamic_ncols=True,
            smoothing=0.1,
            bar_format="{desc}: {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]",
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
        self._bar.close()


def steps(label: str, total: int) -> tqdm:
    """A bar over the steps of a training, with rate and ETA."""
    return tqdm(total=total, desc=label, unit="step", dynamic_ncols=True, smoothing=0.1)


def say(text: str, stream: TextIO | None = None) -> None:
    """A line on standard error, or another stream, that leaves bars whole."""
    out: TextIO = sys.stderr if stream is None else stream
    encoding = getattr(out, "encoding", None) or "utf-8"
    tqdm.write(text.encode(encoding, "replace").decode(encoding), file=out)
    out.flush()

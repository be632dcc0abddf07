"""Work side by side in threads, which one stop ends together.

A CPU is busy only while several things are done: one experiment compiles, or is in Python, while another computes.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Sequence
from contextvars import ContextVar, copy_context
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Ended(BaseException):
    """Raised within work that is to end since the rest of it does. Not an `Exception`: nobody catches it by mistake."""


_ending: ContextVar[threading.Event | None] = ContextVar("ending", default=None)


def look() -> None:
    """Raise `Ended` if the work that this is a part of is to end. Loops that take long look now and then."""
    ending = _ending.get()
    if ending is not None and ending.is_set():
        raise Ended


def as_done(work: Callable[[T], R], items: Sequence[T], workers: int) -> Generator[tuple[T, R]]:
    """Every item with what the work makes of it, as it is done; begun in the items' order, so many at a time.

    What an item raises, or whoever asks for the next one, ends the others at their next `look` and is raised when they
    have ended: whatever they save is saved. One worker takes turns with whoever asks, in the same thread.
    """
    if workers == 1 or len(items) < 2:
        for item in items:
            yield item, work(item)
        return
    from purifyjax.seeds import interruptible  # imports jax, which `--help` waits for in vain

    ending, left, done = threading.Event(), queue.SimpleQueue(), queue.SimpleQueue()
    for item in items:
        left.put(item)

    def worker() -> None:
        _ending.set(ending)
        with interruptible(look):
            while not ending.is_set():
                try:
                    item = left.get_nowait()
                except queue.Empty:
                    return
                try:
                    done.put((item, work(item), None))
                except BaseException as error:
                    done.put((item, None, error))
                    return

    # As daemons: a second stop, while the first one is waited for, ends the process.
    threads = [
        threading.Thread(target=copy_context().run, args=(worker,), daemon=True)
        for _ in range(min(workers, len(items)))
    ]
    try:
        for thread in threads:
            thread.start()
        for _ in items:
            item, result, error = done.get()
            if error is not None:
                raise error
            yield item, result
    finally:
        ending.set()
        for thread in threads:
            if thread.ident is not None:
                thread.join()

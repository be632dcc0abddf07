"""Stops asked for from outside: what schedulers and closed terminals send ends a run like Ctrl-C does."""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SENT = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGINT") if hasattr(signal, name))
_AGAIN = 0.01  # seconds


class Stopped(BaseException):
    """The process was told to stop. Not an `Exception`: nobody catches it by mistake.

    Attributes:
      signal: which signal.
    """

    def __init__(self, number: int) -> None:
        self.signal = signal.Signals(number)
        super().__init__(self.signal.name)

    @property
    def status(self) -> int:
        """The exit status that shells give to a process that the signal ended."""
        return 128 + self.signal


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise `Stopped` in the main thread at SIGTERM and SIGHUP, and `KeyboardInterrupt` at SIGINT.

    A signal that is ignored (nohup) stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    collecting = False

    def watch(phase: str, about: dict[str, int]) -> None:
        nonlocal collecting
        collecting = phase == "start"

    def stop(number: int, frame: FrameType | None) -> None:
        if collecting or _ending(frame):
            # What is raised there is printed and lost: ask again when that is done.
            threading.Timer(_AGAIN, signal.raise_signal, [number]).start()
            return
        raise KeyboardInterrupt if number == signal.SIGINT else Stopped(number)

    before = {number: signal.getsignal(number) for number in _SENT}
    gc.callbacks.append(watch)
    try:
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, stop)
        yield
    finally:
        gc.callbacks.remove(watch)
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _ending(frame: FrameType | None) -> bool:
    """Whether a callback of the garbage collector, or what an object does at its end, is running."""
    callbacks = {getattr(callback, "__code__", None) for callback in gc.callbacks}
    while frame is not None:
        if frame.f_code in callbacks or frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False

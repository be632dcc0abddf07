"""Where the time of a run goes: spans of its work, each of an experiment, a stage and a kind.

    with recording() as spans:
        with span("train", experiment="default", stage="clean"):
            ...
        spans.table()

What does the work says of which kind it is; who runs it holds the record. Where nobody does, a span is nothing. What is
spent within an inner span is not the outer one's, so that the spans of a thread add up to it. The processors' time is
the process's: where several threads work at a time each takes an equal part.
"""

from __future__ import annotations

import resource
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, TypeVar

import pandas as pd

from theory_checks.evidence import Table

T = TypeVar("T")
Kind = Literal["train", "measure", "attack", "certify", "fit", "draw", "disk", "other"]
TIMING = Table(
    "timing",
    "Where the time of this run went, until its report was last written; what was read from the store took none.",
    {
        "experiment": "name of the experiment; empty outside of all",
        "stage": "of its training; empty outside of all",
        "kind": "train, measure, attack, certify, fit, draw, disk: reading and writing, or other",
        "wall": "seconds; what is done side by side counts several times",
        "cpu": "seconds of processor time, of all cores together",
        "compiling": "seconds of `wall` in which programs were traced and compiled",
        "programs": "how many programs were compiled, or read from the folder of compiled ones",
        "reused": "how many of them were read",
        "peak": "most memory that the process had held by the end of it, in MiB",
    },
)
_LOAD = "/jax/core/compile/backend_compile_duration"  # one a program, compiled or read
_COMPILING = ("/jax/core/compile/jaxpr_trace_duration", "/jax/core/compile/jaxpr_to_mlir_module_duration", _LOAD)
_REUSED = "/jax/compilation_cache/cache_hits"
_MAXRSS = 2**20 if sys.platform == "darwin" else 2**10  # in a MiB


def elapsed(timing: pd.DataFrame) -> float:
    """Seconds of a run in all, from rows of `TIMING`: of one thread they add up to it."""
    return float(timing.attrs.get("elapsed", timing.wall.sum()))


class _Place(NamedTuple):
    experiment: str
    stage: str
    kind: Kind


@dataclass
class _Spent:
    wall: float = 0.0
    cpu: float = 0.0
    compiling: float = 0.0
    programs: int = 0
    reused: int = 0
    peak: float = 0.0


_OUTSIDE = _Place("", "", "other")


class _Thread:
    """What a thread is at: its open spans, None while it waits, and what was compiled in the innermost one."""

    def __init__(self, *opened: _Place) -> None:
        self.open: list[_Place | None] = [*opened]
        self.compiled: list[tuple[float, float]] = []  # end and seconds

    @property
    def at(self) -> _Place:
        """The innermost span."""
        return (self.open[-1] if self.open else None) or _OUTSIDE


class Spans:
    """What is spent in the spans of the threads that have some."""

    def __init__(self) -> None:
        self._spent: dict[_Place, _Spent] = {}
        self._threads = {threading.get_ident(): _Thread(_OUTSIDE)}
        self._lock = threading.RLock()
        self._start = self._wall = time.perf_counter()
        self._cpu = time.process_time()

    @contextmanager
    def inside(self, kind: Kind, experiment: str | None, stage: str | None) -> Iterator[None]:
        """Within the block this thread's time is of this kind."""
        outer = self._own().at
        own = (outer.experiment if experiment is None else experiment, outer.stage if stage is None else stage)
        with self._at(_Place(*own, kind)):
            yield

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Within the block this thread waits for others, and its time is none."""
        with self._at(None):
            yield

    @contextmanager
    def _at(self, place: _Place | None) -> Iterator[None]:
        thread = self._own()
        with self._lock:
            self._settle()
            thread.open.append(place)
            thread.compiled.clear()
        try:
            yield
        finally:
            with self._lock:
                self._settle()
                thread.open.pop()
                thread.compiled.clear()

    def table(self) -> pd.DataFrame:
        """Rows of `TIMING` by now, in the order in which the spans began; `attrs` hold the seconds that `elapsed`."""
        with self._lock:
            self._settle()
            rows: list[dict[str, Any]] = [place._asdict() | asdict(spent) for place, spent in self._spent.items()]
        table = TIMING.checked(pd.DataFrame(rows, columns=list(TIMING.columns)))
        table.attrs["elapsed"] = self._wall - self._start
        return table

    def took(self, event: str, seconds: float, **_: Any) -> None:
        """A listener of `jax.monitoring` to what took time."""
        if event not in _COMPILING:
            return
        end, thread = time.perf_counter(), self._own()
        with self._lock:
            here = self._here()
            here.programs += event == _LOAD
            # Tracing a program traces those within it, which have told of themselves.
            while thread.compiled and thread.compiled[-1][0] > end - seconds:
                here.compiling -= thread.compiled.pop()[1]
            here.compiling += seconds
            thread.compiled.append((end, seconds))

    def happened(self, event: str, **_: Any) -> None:
        """A listener of `jax.monitoring` to what happens."""
        self._here().reused += event == _REUSED

    def _own(self) -> _Thread:
        """This thread; one that is new has no span open yet."""
        with self._lock:
            return self._threads.setdefault(threading.get_ident(), _Thread())

    def _here(self) -> _Spent:
        return self._spent.setdefault(self._own().at, _Spent())

    def _settle(self) -> None:
        """What was spent since the last time belongs to the spans that are open."""
        wall, cpu = time.perf_counter(), time.process_time()
        working = [place for thread in self._threads.values() for place in thread.open[-1:] if place is not None]
        for place in working:
            here = self._spent.setdefault(place, _Spent())
            here.wall += wall - self._wall
            here.cpu += (cpu - self._cpu) / len(working)
            here.peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MAXRSS
        self._wall, self._cpu = wall, cpu


_recorded: ContextVar[Spans | None] = ContextVar("spans", default=None)


@contextmanager
def recording() -> Iterator[Spans]:
    """Within the block the spans of this thread are recorded."""
    from jax import monitoring

    spans = Spans()

    def took(event: str, duration_secs: float, **about: Any) -> None:
        if _recorded.get() is spans:  # else another thread compiles
            spans.took(event, duration_secs, **about)

    def happened(event: str, **about: Any) -> None:
        if _recorded.get() is spans:
            spans.happened(event, **about)

    monitoring.register_event_duration_secs_listener(took)
    monitoring.register_event_listener(happened)
    before = _recorded.set(spans)
    try:
        yield spans
    finally:
        _recorded.reset(before)
        monitoring.unregister_event_duration_listener(took)
        monitoring.unregister_event_listener(happened)


@contextmanager
def span(kind: Kind, *, experiment: str | None = None, stage: str | None = None) -> Iterator[None]:
    """Say of which kind the work within the block is, or, as a decorator, that of a function.

    Args:
      experiment, stage: what it is done for; as of the span around it if None.
    """
    spans = _recorded.get()
    if spans is None:
        yield
        return
    with spans.inside(kind, experiment, stage):
        yield


@contextmanager
def waiting() -> Iterator[None]:
    """Within the block this thread waits for others: the time is that of no span, but for those opened in it."""
    spans = _recorded.get()
    with nullcontext() if spans is None else spans.waiting():
        yield


def waiting_for(items: Generator[T]) -> Generator[T]:
    """The items, each waited for."""
    with closing(items):
        while True:
            with waiting():
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item

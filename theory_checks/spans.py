"""Where the time of a run goes: spans of its work, each of an experiment, a stage and a kind.

    with recording() as spans:
        with span("train", experiment="default", stage="clean"):
            ...
        spans.table()

What does the work says of which kind it is; who runs it holds the record. Where nobody does, a span is nothing. What is
spent within an inner span is not the outer one's, so that the spans of a run add up to it.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import pandas as pd

from theory_checks.evidence import Table

Kind = Literal["train", "measure", "attack", "certify", "fit", "draw", "disk", "other"]
TIMING = Table(
    "timing",
    "Where the time of this run went, until its report was last written; what was read from the store took none.",
    {
        "experiment": "name of the experiment; empty outside of all",
        "stage": "of its training; empty outside of all",
        "kind": "train, measure, attack, certify, fit, draw, disk: reading and writing, or other",
        "wall": "seconds",
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


class Spans:
    """What is spent in the spans of one thread."""

    def __init__(self) -> None:
        self._spent: dict[_Place, _Spent] = {}
        self._open = [_Place("", "", "other")]
        self._compiled: list[tuple[float, float]] = []  # end and seconds
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    @contextmanager
    def inside(self, kind: Kind, experiment: str | None, stage: str | None) -> Iterator[None]:
        """Within the block time is of this kind."""
        self._settle()
        outer = self._open[-1]
        own = (outer.experiment if experiment is None else experiment, outer.stage if stage is None else stage)
        self._open.append(_Place(*own, kind))
        try:
            yield
        finally:
            self._settle()
            self._open.pop()

    def table(self) -> pd.DataFrame:
        """Rows of `TIMING` by now, in the order in which the spans began."""
        self._settle()
        rows: list[dict[str, Any]] = [place._asdict() | asdict(spent) for place, spent in self._spent.items()]
        return TIMING.checked(pd.DataFrame(rows, columns=list(TIMING.columns)))

    def took(self, event: str, seconds: float, **_: Any) -> None:
        """A listener of `jax.monitoring` to what took time."""
        if event not in _COMPILING:
            return
        end, here = time.perf_counter(), self._here()
        here.programs += event == _LOAD
        # Tracing a program traces those within it, which have told of themselves.
        while self._compiled and self._compiled[-1][0] > end - seconds:
            here.compiling -= self._compiled.pop()[1]
        here.compiling += seconds
        self._compiled.append((end, seconds))

    def happened(self, event: str, **_: Any) -> None:
        """A listener of `jax.monitoring` to what happens."""
        self._here().reused += event == _REUSED

    def _here(self) -> _Spent:
        return self._spent.setdefault(self._open[-1], _Spent())

    def _settle(self) -> None:
        """What was spent since the last time belongs to the span that is open."""
        here, wall, cpu = self._here(), time.perf_counter(), time.process_time()
        here.wall += wall - self._wall
        here.cpu += cpu - self._cpu
        here.peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MAXRSS
        self._wall, self._cpu = wall, cpu
        self._compiled.clear()


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

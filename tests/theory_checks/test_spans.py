"""Spans add up to the whole, take nothing from each other, and leave no trace in what is stored."""

import re
import threading
import time
from contextvars import copy_context

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from theory_checks import all as command
from theory_checks import spans as timed
from theory_checks.report.timing import in_a_line, timing_section
from theory_checks.spans import TIMING, recording, span, waiting_for


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass when a test says so; a processor is busy in half of them."""
    now = [0.0]
    monkeypatch.setattr(timed.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(timed.time, "process_time", lambda: now[0] / 2)

    def wait(seconds):
        now[0] += seconds

    return wait


def seconds(table: pd.DataFrame) -> dict[tuple[str, str, str], float]:
    rows = table[["experiment", "stage", "kind", "wall"]].itertuples(index=False)
    return {(experiment, stage, kind): wall for experiment, stage, kind, wall in rows if wall}


def test_what_an_inner_span_takes_is_not_the_outer_ones(clock):
    with recording() as spans:
        clock(1)
        with span("measure", experiment="walks"):
            clock(2)
            with span("train", stage="clean"):
                clock(4)
                with span("disk"):
                    clock(8)
            with span("attack"):
                clock(16)
            clock(32)
        clock(64)
    table = spans.table()
    assert seconds(table) == {
        ("", "", "other"): 65,
        ("walks", "", "measure"): 34,
        ("walks", "clean", "train"): 4,
        ("walks", "clean", "disk"): 8,
        ("walks", "", "attack"): 16,
    }
    assert table.wall.sum() == 127 and table.cpu.sum() == 63.5
    assert list(table.columns) == list(TIMING.columns) and table.attrs["meaning"] == TIMING.meaning
    assert (table.peak > 1).all()


def test_the_same_span_twice_is_one_row_and_an_error_ends_it(clock):
    with recording() as spans:
        for _ in range(2):
            with pytest.raises(KeyError), span("draw", experiment="walks"):
                clock(1)
                raise KeyError
        clock(4)
    assert seconds(spans.table()) == {("walks", "", "draw"): 2, ("", "", "other"): 4}


def test_a_function_is_a_span_at_every_call(clock):
    @span("fit")
    def fit(times):
        clock(1)
        return times if times == 1 else fit(times - 1)

    assert fit(2) == 1  # nobody records
    with recording() as spans:
        assert fit(3) == 1
    assert seconds(spans.table()) == {("", "", "fit"): 3}


def test_records_within_records_and_other_threads_are_their_own(clock):
    with recording() as outer:
        with recording() as inner, span("fit"):
            clock(1)

        def elsewhere():
            with span("attack"):
                jax.jit(lambda x: x * 3.25)(jnp.ones(3))

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert ("", "", "fit") in seconds(inner.table())
    assert set(outer.table().kind) == {"other"} and outer.table().programs.sum() == 0


def test_threads_that_share_a_record_have_spans_of_their_own_and_equal_parts_of_the_processors(clock):
    began, go_on = threading.Event(), threading.Event()

    def elsewhere():
        with span("attack", experiment="b"):
            began.set()
            assert go_on.wait(10)

    with recording() as spans:
        thread = threading.Thread(target=copy_context().run, args=(elsewhere,))
        with span("train", experiment="a"):
            clock(2)
            thread.start()
            assert began.wait(10)
            clock(4)  # both
            go_on.set()
            thread.join()
            clock(8)
        with spans.waiting():
            clock(16)  # nobody's
    table = spans.table()
    assert seconds(table) == {("a", "", "train"): 14, ("b", "", "attack"): 4}
    assert dict(zip(table.kind, table.cpu, strict=True)) == {"other": 0, "train": 6, "attack": 1}
    assert table.attrs["elapsed"] == 30


def test_waiting_for_items_takes_no_time_but_what_they_say_it_was_for(clock):
    def items():
        clock(1)
        yield "a"
        with span("fit"):
            clock(2)
        yield "b"

    with recording() as spans:
        for _ in waiting_for(items()):
            clock(4)
    assert seconds(spans.table()) == {("", "", "other"): 8, ("", "", "fit"): 2}
    assert list(waiting_for(items())) == ["a", "b"]  # nobody records


def test_programs_are_counted_where_they_are_compiled():
    x = np.ones(7, np.float32)

    @jax.jit
    def inner(x):
        return jnp.sin(x) * 1.375

    @jax.jit
    def outer(x):
        return inner(inner(x) + 1.0)

    with recording() as spans:
        started = time.perf_counter()
        with span("attack"):
            outer(x)
        with span("fit"):
            outer(x)  # the same program
    took = time.perf_counter() - started
    table = spans.table().set_index("kind")
    assert table.programs["attack"] == 1 and table.programs.sum() == 1
    # Tracing the inner function is a part of tracing the outer one.
    assert 0 < table.compiling["attack"] <= table.wall["attack"] <= took
    assert table.compiling["fit"] == 0


def test_time_of_programs_within_programs_counts_once(clock):
    trace, load = "/jax/core/compile/jaxpr_trace_duration", "/jax/core/compile/backend_compile_duration"
    with recording() as spans:
        clock(1)
        spans.took(trace, 0.5)
        clock(1)
        spans.took(trace, 0.25)
        spans.took(trace, 1.75)  # both were within it
        clock(2)
        spans.took(load, 2.0)
        spans.happened("/jax/compilation_cache/cache_hits")
        spans.took("/jax/of/no/interest", 9.0)
        spans.happened("/jax/of/no/interest")
    (row,) = spans.table().itertuples()
    assert (row.compiling, row.programs, row.reused) == (3.75, 1, 1)


def test_listeners_end_with_the_record():
    with recording() as spans:
        pass
    before = spans.table().programs.sum()
    jax.jit(lambda x: x * 5.125)(np.ones(3, np.float32))
    assert spans.table().programs.sum() == before


def rows(*given):
    head = {"stage": "", "peak": 1.0}
    names = ("experiment", "kind", "wall", "cpu", "compiling", "programs", "reused")
    return pd.DataFrame([head | dict(zip(names, row, strict=True)) for row in given])


def test_a_run_in_a_line():
    table = rows(
        ("a", "train", 240.0, 400.0, 30.0, 40, 0),
        ("b", "train", 3.0, 3.0, 3.0, 3, 2),
        ("a", "disk", 0.2, 0.2, 0.0, 0, 0),
    )
    assert in_a_line(table) == "243 s, 1.7 cores busy: training 210, compiling 33 (43 programs, 2 reused)"
    assert in_a_line(rows(("", "other", 0.1, 0.1, 0.0, 0, 0))) == "0 s"
    table.attrs["elapsed"] = 150.0  # side by side
    assert in_a_line(table).startswith("150 s, 2.7 cores busy: training 210")


def test_the_page_tells_seconds_by_experiment_and_kind():
    page = timing_section(rows(("a<", "train", 2.0, 3.0, 0.5, 4, 1), ("a<", "train", 2.0, 3.0, 0.5, 4, 1)))
    cells = re.findall("<tr>(<td>.*?)</tr>", page)
    told = [re.findall("<td[^>]*>(.*?)</td>", line) for line in cells]
    numbers = ["4.0", "6.0", "1.5", "1.0", "8", "2"]
    assert told == [["a&lt;", "training", *numbers], ["all", "", *numbers]]
    assert timing_section(None) == ""


def test_a_run_tells_where_its_time_went(tiny_paper, tmp_path, capsys):
    assert command.main(["--profile", "tiny", "--out", str(tmp_path)]) == 0
    assert re.search(r"^\d+ s.*; report: ", capsys.readouterr().err, re.MULTILINE)
    table = pd.read_parquet(tmp_path / "tables" / "timing.parquet")
    assert table.attrs["table"] == "timing"
    spent = set(table[["experiment", "stage", "kind"]].itertuples(index=False, name=None))
    assert spent >= {
        ("walks", "first", "train"),
        ("walks", "second", "train"),
        ("walks", "", "measure"),
        ("walks", "", "disk"),
        ("walks", "", "draw"),
        ("", "", "disk"),
    }
    assert 'id="timing"' in (tmp_path / "report.html").read_text()
    assert "wall" not in (tmp_path / "verdicts.json").read_text()
    # A second run trains nothing.
    assert command.main(["--profile", "tiny", "--out", str(tmp_path)]) == 0
    assert "train" not in set(pd.read_parquet(tmp_path / "tables" / "timing.parquet").kind)

"""Verdicts on terminals that are too narrow for a table."""

import re

from hypothesis import given
from hypothesis import strategies as st

from theory_checks.report.console import WIDTH, format_table, format_verdict
from theory_checks.verdict import Measurement, SeedValue, Verdict

NAMES = st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=150)


def verdict(name: str = "clean-nonrobust", value: float = 0.3, note: str = "") -> Verdict:
    seeds = (SeedValue(100, value, value - 0.001, value + 0.001), SeedValue(101, value, value - 0.001, value + 0.001))
    return Verdict(name, "title", "statement", "source", ("walks",), (Measurement("x", "<=", 0.01, seeds),), note=note)


@given(name=NAMES, columns=st.integers(20, WIDTH), colour=st.booleans())
def test_no_line_is_wider_than_the_terminal(name, columns, colour):
    found = verdict(name, note="word " * 60)
    text = format_table([found, verdict()], colour=colour, columns=columns)
    visible = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert max(map(len, visible.split("\n"))) <= columns
    assert max(map(len, format_verdict(found, columns).split("\n"))) <= columns
    assert visible == format_table([found, verdict()], columns=columns)


def test_a_narrow_terminal_has_a_paragraph_a_verdict():
    lines = format_table([verdict(), verdict("another", 0.001)], columns=40).split("\n")
    assert lines[:4] == [
        "clean-nonrobust: refuted, 0.3 [0.299,",
        "  0.301], bound <= 0.01, seeds 100-101",
        "another: holds, 0.001 [0, 0.002], bound",
        "  <= 0.01, seeds 100-101",
    ]
    assert lines[-2:] == ["2 claims: 1 hold, 1 refuted, 0", "inconclusive"]


def test_the_answer_is_in_colour_wherever_the_line_breaks():
    for columns in range(20, 60):
        text = format_table([verdict("refuted-by: it")], colour=True, columns=columns)
        assert text.count("\x1b[1;31mrefuted\x1b[0m,") == 1, columns


def test_a_table_that_fits_stays_one():
    assert format_table([verdict("x")], columns=80).startswith("claim  verdict")
    assert format_table([verdict("x" * 60)], columns=80).split("\n")[2].startswith("x" * 16)

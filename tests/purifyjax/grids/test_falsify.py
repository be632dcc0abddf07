"""Violations are found where they are known to be, and not where there are none."""

import numpy as np
import pandas as pd
import pytest

from purifyjax.__main__ import main
from purifyjax.errors import ConfigError
from purifyjax.grids.falsify import Conjecture, falsify
from tests.purifyjax.grids.toy import Walk

DOMAIN = {"size": (0.0, 0.02), "shift": (-1.0, 3.0)}  # the end is about the shift


def search(text, tmp_path, **options):
    about = {"points": 16, "seeds": tuple(range(8)), "progress": False} | options
    return falsify(Walk(), Conjecture(text), DOMAIN, tmp_path, **about)


def test_a_violation_is_found_and_made_milder(tmp_path):
    found = search("end >= 0.5", tmp_path, rounds=4)
    table = found.points
    assert found.mildest is not None and found.mildest["shift"] < 0.5
    # Bisection comes nearer to the boundary, 0.5, than the Sobol points did.
    bad = table[table.outcome == "violated"]
    first = bad[bad["round"] == 0]
    assert bad["shift"].max() > first["shift"].max() and bad["shift"].max() == pytest.approx(0.5, abs=0.25)
    assert found.share[0] < 1.5 / 4.0 < found.share[1]  # of the volume, shifts from −1 to 0.5
    assert (table[table.outcome == "satisfied"]["shift"] > 0.4).all()


def test_without_a_violation_the_volume_is_told(tmp_path):
    found = search("end >= -2", tmp_path)
    assert found.mildest is None and found.share == (0.0, pytest.approx(1 - 0.025 ** (1 / 16)))
    assert set(found.points["round"]) == {0}


def test_chance_is_not_a_violation(tmp_path):
    """At every point the mean is 0, the bound itself: of 16 points one looks low by its own interval now and then."""
    domain = {"size": (1.0, 2.0)}
    for start in range(0, 80, 8):
        about = {"points": 16, "seeds": tuple(range(start, start + 8)), "progress": False, "rounds": 0}
        found = falsify(Walk(), Conjecture("end >= 0"), domain, tmp_path / str(start), **about)
        assert found.mildest is None


def test_expressions_are_of_numbers_and_settings():
    rows = pd.DataFrame({"end": [1.0, 3.0], "shift": [0.5, 2.0]})
    np.testing.assert_allclose(Conjecture("end <= 2 * shift").slack(rows), [0.0, 1.0])
    np.testing.assert_allclose(Conjecture("end >= 2").slack(rows), [-1.0, 1.0])


REFUSED = {
    "end": "LEFT >= RIGHT",
    "end > 1": "LEFT >= RIGHT",
    "finish >= 1": "finish",
    "1 <= end <= 2": "LEFT >= RIGHT",
}


@pytest.mark.parametrize(("text", "told"), REFUSED.items())
def test_what_is_no_inequality_is_refused(text, told):
    with pytest.raises(ConfigError, match=told):
        Conjecture(text).slack(pd.DataFrame({"end": [1.0]}))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"points": 12}, "a power of 2"),
        ({"seeds": (1, 2)}, "at least 3 a point"),
        ({"rounds": -1}, "--rounds"),
    ],
    ids=lambda value: "".join(value) if isinstance(value, dict) else "",
)
def test_numbers_that_are_too_few_are_refused(changed, told, tmp_path):
    with pytest.raises(ConfigError, match=told):
        search("end >= 0", tmp_path, **changed)


def test_the_command_tells_how_to_see_it_again(tmp_path, capsys):
    words = ["falsify", "end >= 0.5", "--task", "tests.purifyjax.grids.toy:Walk", "--points", "8", "--seeds", "5"]
    assert main([*words, "--domain", "size=0:0.1", "shift=-1:3", "--out", str(tmp_path)]) == 1
    told = capsys.readouterr().out
    again = next(line for line in told.splitlines() if line.startswith("again: python -m purifyjax "))
    assert main(again.removeprefix("again: python -m purifyjax ").split()) == 0
    rows = pd.read_parquet(tmp_path / "again" / "cells.parquet")
    assert rows.end.mean() < 0.5 and len(rows) == 5


@pytest.mark.parametrize(
    ("domain", "told"),
    [("steps=1:2", "a traced setting: size, shift"), ("size=2:1", "LOW below HIGH"), ("size=a:b", "LOW:HIGH")],
)
def test_a_domain_that_is_none_is_told(domain, told, tmp_path, capsys):
    words = ["falsify", "end >= 0", "--task", "tests.purifyjax.grids.toy:Walk", "--out", str(tmp_path)]
    assert main([*words, "--domain", domain]) == 2
    assert told in capsys.readouterr().err

"""Figures are drawn again when their numbers, settings or code changed, and at no other time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd
import pytest
from matplotlib.figure import Figure as Drawing

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence, Table
from theory_checks.figure import Figure
from theory_checks.report import drawing

TABLE = Table("numbers", "A number.", {"seed": "number of the seed", "value": "the number"})


@dataclass(frozen=True)
class Config:
    name: str = "toy"
    radius: float = 1.0


class Counted:
    """A drawing that counts how often it is made."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, evidence: Evidence) -> Drawing:
        self.times += 1
        figure = Drawing(figsize=(2, 2), layout="constrained")
        figure.subplots().plot(evidence[TABLE].value)
        return figure


@pytest.fixture
def counted():
    return Counted()


@pytest.fixture
def put(tmp_path, counted):
    """Draw the figure of an evidence into a fresh folder; its two files."""
    made = Figure("line", TABLE, "A line.", counted)
    claim = Claim("toy", "A toy", "It is one.", "nobody", "nothing", lambda evidence: (), figures=(made,))

    def run(evidence, kept=tmp_path / "kept"):
        folder = tmp_path / f"figures-{counted.times}-{len(list(tmp_path.iterdir()))}"
        drawn: dict[str, drawing.Drawn] = {}
        drawing.draw(folder, claim, [evidence], drawn, kept)
        path = drawn["toy-line"].path
        return path.read_bytes(), path.with_suffix(".svg").read_bytes()

    return run


def numbers(value: float = 2.0, **about) -> Evidence:
    frame = pd.DataFrame({"seed": [0, 1], "value": [1.0, value]})
    return Evidence(Config(**about), {TABLE.name: frame}, seeds=(0, 1))


def test_a_figure_of_the_same_numbers_is_copied(put, counted):
    first = put(numbers())
    assert put(numbers()) == first and counted.times == 1
    assert put(numbers(), kept=None) == first and counted.times == 2


CHANGED = {
    "number": numbers(2.0 + 1e-12),
    "setting": numbers(radius=2.0),
    "seeds": replace(numbers(), seeds=(0, 2)),
    "diverged": replace(numbers(), diverged=(2,)),
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_figure_of_other_numbers_is_drawn(name, put, counted):
    put(numbers())
    put(CHANGED[name])
    assert counted.times == 2


def test_a_figure_of_other_code_is_drawn(put, counted, monkeypatch):
    put(numbers())
    monkeypatch.setattr(drawing, "_code", lambda: ["other"])
    put(numbers())
    assert counted.times == 2


@pytest.mark.parametrize("harm", [lambda path: path.write_bytes(path.read_bytes()[:-200]), lambda path: path.unlink()])
def test_a_damaged_copy_is_drawn_anew(harm, tmp_path, put, counted):
    first = put(numbers())
    harm(tmp_path / "kept" / "toy-line.npz")
    assert put(numbers()) == first and counted.times == 2
    assert put(numbers()) == first and counted.times == 2

"""The toy profile: every experiment of every paper at a size of seconds."""

import importlib

import pytest

from purifyjax.files import write_bytes
from purifyjax.plots import style
from tests.theory_checks import tiny
from theory_checks import catalogue

FOLDER = "tests.theory_checks.toys"


@pytest.fixture
def toy(monkeypatch):
    """Every paper has the profile "toy"."""
    for paper in catalogue.papers():
        name = paper.name.replace("-", "_")
        made = importlib.import_module(f"{FOLDER}.{name}").experiments
        # The record is frozen, its mapping of profiles is not.
        monkeypatch.setitem(paper.profiles, "toy", made)


@pytest.fixture
def blank_figures(monkeypatch):
    """Figures are written in no time, and show nothing."""

    def save(figure, base):
        paths = tuple(base.with_name(f"{base.name}.{kind}") for kind in ("png", "svg"))
        for path in paths:
            write_bytes(path, b"a picture " * 1000)
        return paths

    monkeypatch.setattr(style, "save", save)


@pytest.fixture
def tiny_paper(monkeypatch):
    """The paper of walks is the only one."""
    monkeypatch.setattr(catalogue, "papers", lambda: (tiny.PAPER,))
    return tiny.PAPER

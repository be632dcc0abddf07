"""The toy profile: every experiment of every paper at a size of seconds."""

import importlib
from types import SimpleNamespace

import pandas as pd
import pytest

from purifyjax.files import write_bytes
from purifyjax.plots import image_features as plot
from purifyjax.plots import style
from tests.theory_checks import tiny
from theory_checks import catalogue
from theory_checks.measuring import image_features

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
def no_images(monkeypatch):
    """Images are followed in no time."""
    row = {"seed": 0, "net": "clean", "measure": "pgd", "radius": 0.5, "correct": 1, "points": 2}
    found = SimpleNamespace(
        curve=pd.DataFrame([row]),
        accuracies=pd.DataFrame([row]),
        parts=SimpleNamespace(robust_axes=[0], nonrobust_axes=[1], threshold=0.5),
        diverged=[],
    )
    monkeypatch.setattr(image_features, "image_features", lambda *_, **__: found)
    monkeypatch.setattr(plot, "figure", lambda *_, **__: None)


@pytest.fixture
def tiny_paper(monkeypatch):
    """The paper of walks is the only one."""
    monkeypatch.setattr(catalogue, "papers", lambda: (tiny.PAPER,))
    return tiny.PAPER

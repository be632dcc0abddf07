"""What the figure of polynomials by degree shows, read back from its artists."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from purifyjax.plots import degrees, style

RADIUS = 0.4
# By degree: robust points of two models and seeds, and what is proven of the better one.
FOUND = {1: (50, 30), 2: (20, 48), 3: (40, 45), 7: (80, 70)}


def models():
    rows = [
        (seed, "linear" if degree == 1 else "polynomial", degree, radius, held + seed, proven, 100)
        for seed in (0, 1)
        for degree, several in FOUND.items()
        for held in several
        for radius, proven in ((0.0, np.nan), (RADIUS, held - 5 if degree >= 3 else np.nan))
    ]
    rows += [(seed, "ReLU net", np.nan, RADIUS, 97 + seed, np.nan, 100) for seed in (0, 1)]
    return pd.DataFrame(rows, columns=["seed", "family", "degree", "radius", "robust", "certified", "points"])


def curve(figure: Any, label: str):
    return next(line for line in figure.axes[0].lines if line.get_label() == label)


def test_curves_are_the_best_of_at_most_a_degree():
    figure = degrees.figure(models(), RADIUS, bound=0.6)
    attacked, proven = (curve(figure, f"best polynomial, {kind}") for kind in ("under attack", "proven"))
    assert list(attacked.get_xdata()) == [1, 2, 3, 7]
    # Degree 3 holds the linear ones, which are better.
    np.testing.assert_allclose(attacked.get_ydata(), [0.505, 0.505, 0.505, 0.805])
    assert list(proven.get_xdata()) == [3, 7]
    np.testing.assert_allclose(proven.get_ydata(), [0.40, 0.75])
    np.testing.assert_allclose(curve(figure, "ReLU net, under attack").get_ydata(), 0.975)
    np.testing.assert_allclose(curve(figure, "bound of degrees 1 and 2").get_ydata(), 0.6)


def test_without_net_or_bound(tmp_path):
    frame = models()
    figure = degrees.figure(frame[frame.family != "ReLU net"], RADIUS, title="T")
    assert {line.get_label() for line in figure.axes[0].lines} == {
        "best polynomial, under attack",
        "best polynomial, proven",
    }
    one, two = (style.save(degrees.figure(models(), RADIUS), tmp_path / name) for name in ("one", "two"))
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]


def test_frames_that_cannot_be_drawn_are_named():
    with pytest.raises(ValueError, match="certified"):
        degrees.figure(models().drop(columns="certified"), RADIUS)
    with pytest.raises(ValueError, match="no polynomials"):
        degrees.figure(models().query("family == 'ReLU net'"), RADIUS)

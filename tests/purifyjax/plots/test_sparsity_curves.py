"""What the curves of sparse reconstruction show, read back from their artists."""

from __future__ import annotations

import itertools
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from purifyjax.plots import sparsity_curves, style

SEEDS, POINTS = 3, 4
ATOMS = (1, 2, 4, 8, 16)
SIGNALS = ("images", "perturbations of the clean net", "perturbations of the robust net")
FILTERS = tuple(sparsity_curves.FILTERS)


def error(seed, filters, signal, atoms):
    """Mean over the points."""
    return (0.9 - 0.1 * FILTERS.index(filters) + 0.02 * SIGNALS.index(signal)) / atoms**0.5 + 0.01 * seed


def reconstructed():
    rows = [
        (seed, filters, signal, point, atoms, error(seed, filters, signal, atoms) + 0.01 * (point - 1.5))
        for seed in range(SEEDS)
        for filters in FILTERS
        for signal in SIGNALS
        for point in range(POINTS)
        for atoms in ATOMS
    ]
    return pd.DataFrame(rows, columns=["seed", "filters", "signal", "point", "atoms", "error"])


def panels(figure: Figure) -> list[Any]:
    """The axes, as Any: matplotlib types its artists too widely to read numbers back from them."""
    return list(figure.axes)


def test_curves_are_means_over_points_and_seeds_with_the_seeds_hull():
    axes = panels(sparsity_curves.figure(reconstructed()))
    assert [a.get_title(loc="left") for a in axes] == list(SIGNALS)
    for signal, of_signal in zip(SIGNALS, axes, strict=True):
        for filters, line, band in zip(FILTERS, of_signal.lines, of_signal.collections, strict=True):
            label, colour, _ = sparsity_curves.FILTERS[filters]
            assert (line.get_label(), line.get_color()) == (label, colour)
            assert list(line.get_xdata()) == list(ATOMS)
            assert line.get_ydata() == pytest.approx([error(1, filters, signal, atoms) for atoms in ATOMS])
            corners = band.get_paths()[0].vertices
            last = corners[np.isclose(corners[:, 0], 16), 1]
            # From the lowest to the highest seed, not to the points'.
            expected = (error(0, filters, signal, 16), error(2, filters, signal, 16))
            assert (last.min(), last.max()) == pytest.approx(expected)


def test_axes_are_named_and_shared():
    figure = sparsity_curves.figure(reconstructed())
    first, *others = panels(figure)
    assert first.get_ylabel() == "relative $\\ell_2$ error\nof the reconstruction"
    assert {a.get_xlabel() for a in (first, *others)} == {"number of atoms"}
    assert {(a.get_xlim(), a.get_ylim()) for a in others} == {(first.get_xlim(), first.get_ylim())}
    assert first.get_ylim()[0] == 0
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.get_texts()] == [label for label, *_ in sparsity_curves.FILTERS.values()]


def test_filters_and_errors_may_be_missing():
    table = reconstructed()
    table.loc[(table["seed"] == 2) | (table["atoms"] == 4), "error"] = np.nan
    gone = table[~((table["filters"] == "initial") & (table["signal"] == "images"))]
    figure = sparsity_curves.figure(gone)
    assert [len(axes.lines) for axes in panels(figure)] == [3, 4, 4]
    assert len(figure.legends[0].get_texts()) == 4
    clean = panels(figure)[0].lines[0]
    assert list(clean.get_xdata()) == [1, 2, 8, 16]
    expected = [(error(0, "clean", "images", a) + error(1, "clean", "images", a)) / 2 for a in (1, 2, 8, 16)]
    assert clean.get_ydata() == pytest.approx(expected)
    assert len(panels(sparsity_curves.figure(table[table["signal"] == "images"]))) == 1
    nothing = panels(sparsity_curves.figure(table.assign(error=np.nan), title="Experiment"))
    assert [t.get_text() for t in nothing[0].texts] == ["no reconstructions"]


def test_missing_columns_are_named():
    with pytest.raises(ValueError, match="lacks the columns signal, error"):
        sparsity_curves.figure(reconstructed().drop(columns=["signal", "error"]))


def test_saved_the_same_every_time_and_without_pyplot(tmp_path):
    one, two = (
        style.save(sparsity_curves.figure(reconstructed(), title="Experiment"), tmp_path / folder / "figure")
        for folder in ("one", "two")
    )
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]
    assert plt.get_fignums() == []


def test_text_is_whole_and_does_not_overlap():
    figure = sparsity_curves.figure(reconstructed(), title="Experiment")
    with style.theme():
        figure.canvas.draw()
    written = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for axes in panels(figure):
        written += [axes.xaxis.label, axes.yaxis.label, *(t for t in axes.get_children() if isinstance(t, Text))]
    boxes = [(t.get_text(), t.get_window_extent()) for t in written if t.get_text() and t.get_visible()]
    assert len(boxes) == 1 + 4 + 3 + 1 + 3
    for text, box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, text
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        assert not a.overlaps(b), (one, other)
    legend = figure.legends[0].get_window_extent()
    assert all(legend.y1 < axes.get_window_extent().y0 for axes in panels(figure))

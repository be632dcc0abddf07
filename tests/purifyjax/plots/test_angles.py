"""What the histograms of angles show, read back from their artists."""

from __future__ import annotations

import itertools
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch
from matplotlib.text import Text

from purifyjax.plots import angles, style

SEEDS, FILTERS = 3, 8
LAYERS = (("small", "Dense_0/kernel"), ("small", "Block_1/Dense_0/kernel"), ("large", "Dense_0/kernel"))
PAIRS = ("clean-scratch", "init-clean", "init-robust", "clean-robust", "init-scratch")
DRAWN = ("init-clean", "init-robust", "clean-robust", "clean-scratch", "init-scratch")


def of_seed(seed, place, pair):
    """Eight angles, about 60° to 130° in the mean."""
    centre = 60 + 10 * PAIRS.index(pair) + 3 * place + seed
    return centre + 4.0 * np.arange(FILTERS)


def turned():
    rows = [
        (seed, *layer, pair, index, angle)
        for pair in PAIRS
        for place, layer in enumerate(LAYERS)
        for seed in range(SEEDS)
        for index, angle in enumerate(of_seed(seed, place, pair))
    ]
    return pd.DataFrame(rows, columns=["seed", "architecture", "layer", "pair", "filter", "angle"])


def panels(figure: Figure) -> Any:
    """The axes [layer, pair], as Any: matplotlib types its artists too widely to read numbers back from them."""
    return np.array(figure.axes, dtype=object).reshape(-1, len(DRAWN))


def test_histograms_are_means_over_seeds_of_shares_of_filters():
    for place, line in enumerate(panels(angles.figure(turned()))):
        for axes, pair in zip(line, DRAWN, strict=True):
            (histogram,) = [patch for patch in axes.patches if isinstance(patch, StepPatch)]
            shares, edges, _ = histogram.get_data()
            assert edges == pytest.approx(np.arange(0, 181, 5))
            each = [np.histogram(of_seed(seed, place, pair), edges)[0] / FILTERS for seed in range(SEEDS)]
            assert shares == pytest.approx(np.mean(each, axis=0)) and shares.sum() == pytest.approx(1)
            (whiskers,) = axes.collections
            ends = {round(float(x), 6): (low, high) for (x, low), (_, high) in whiskers.get_segments()}
            some = np.flatnonzero(np.max(each, axis=0))
            assert list(ends) == pytest.approx(list(edges[some] + 2.5))
            assert list(ends.values()) == [(min(s), max(s)) for s in np.array(each)[:, some].T]


def test_means_are_marked_and_printed_beside_the_references():
    for place, line in enumerate(panels(angles.figure(turned()))):
        for axes, pair in zip(line, DRAWN, strict=True):
            means = [of_seed(seed, place, pair).mean() for seed in range(SEEDS)]
            assert [x.get_xdata()[0] for x in axes.lines] == pytest.approx([90, 45, np.mean(means)])
            assert [x.is_dashed() for x in axes.lines] == [True, True, False]
            (text,) = axes.texts
            assert text.get_text() == f"mean {np.mean(means):.1f}°\n{means[0]:.1f} to {means[-1]:.1f}"
            # Across from the bars.
            assert text.get_ha() == ("right" if np.mean(means) < 90 else "left")


def test_seeds_of_unequal_size_count_the_same():
    table = turned()
    table = table[(table["seed"] == 0) | (table["filter"] == 0)]
    axes = panels(angles.figure(table))[0, 0]
    expected = np.mean([of_seed(0, 0, "init-clean").mean(), *(of_seed(s, 0, "init-clean")[0] for s in (1, 2))])
    assert axes.lines[-1].get_xdata()[0] == pytest.approx(expected)


def test_panels_are_named_and_the_angle_has_its_unit():
    figure = angles.figure(turned())
    found = panels(figure)
    titles = ["initial and clean", "initial and robust", "clean and robust", "clean and scratch", "initial and scratch"]
    assert [axes.get_title(loc="left") for axes in found[0]] == titles
    assert [axes.get_ylabel() for axes in found[:, 0]] == [
        "small\nDense_0",
        "small\nBlock_1\nDense_0",
        "large\nDense_0",
    ]
    assert {axes.get_xlabel() for axes in found[-1]} == {"angle in degrees"}
    assert figure.get_supylabel() == "share of filters"
    for axes in found.ravel():
        assert axes.get_xlim() == (0, 180) and list(axes.get_xticks()) == [0, 45, 90, 135, 180]
    (legend,) = figure.legends
    words = [t.get_text() for t in legend.get_texts()]
    assert words == ["mean over filters and seeds", "90°: no correlation", "45°: as much in common as not"]


def test_what_was_not_measured_is_left_out():
    table = turned()
    table.loc[table["seed"] == 2, "angle"] = np.nan
    gone = (table["architecture"] == "large") & (table["pair"] == "init-robust")
    found = panels(angles.figure(table[~gone]))
    assert [t.get_text() for t in found[2, 1].texts] == ["not measured"]
    means = [of_seed(seed, 0, "init-clean").mean() for seed in (0, 1)]
    assert found[0, 0].lines[-1].get_xdata()[0] == pytest.approx(np.mean(means))
    (alone,) = angles.figure(table[(table["seed"] == 0) & (table["pair"] == "init-clean")].iloc[:8]).axes
    assert [t.get_text() for t in alone.texts] == [f"mean {of_seed(0, 0, 'init-clean').mean():.1f}°"]
    nothing = angles.figure(table.iloc[:0], title="Experiment").axes[0]
    assert [t.get_text() for t in nothing.texts] == ["no angles"]


def test_missing_columns_are_named():
    with pytest.raises(ValueError, match="lacks the columns architecture, angle"):
        angles.figure(turned().drop(columns=["architecture", "angle"]))


def test_saved_the_same_every_time_and_without_pyplot(tmp_path):
    one, two = (
        style.save(angles.figure(turned(), title="Experiment"), tmp_path / folder / "figure")
        for folder in ("one", "two")
    )
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]
    assert plt.get_fignums() == []


def test_text_is_whole_and_does_not_overlap():
    figure = angles.figure(turned(), title="Experiment")
    with style.theme():
        figure.canvas.draw()
    written = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for axes in figure.axes:
        written += [axes.xaxis.label, axes.yaxis.label, *(t for t in axes.get_children() if isinstance(t, Text))]
    boxes = [(t.get_text(), t.get_window_extent()) for t in written if t.get_text() and t.get_visible()]
    assert len(boxes) == 2 + 3 + 5 + 3 + 5 + 15
    for text, box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, text
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        assert not a.overlaps(b), (one, other)
    # No bar or whisker reaches the printed mean.
    for axes in figure.axes:
        top = max(segment[1][1] for segment in axes.collections[0].get_segments())  # pyright: ignore
        assert axes.transData.transform((0, top))[1] < axes.texts[0].get_window_extent().y0

"""What the figures of the patch experiments show, read back from their artists."""

from __future__ import annotations

import itertools
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from purifyjax.plots import alignments, race, style
from purifyjax.stats import mean_interval

SEEDS, CLASSES = 3, 4
RADII = (0.0, 0.05, 0.1, 0.3)
STRENGTHS = tuple(np.round(np.arange(0.3, 0.8, 0.05), 3))


def training():
    rows = [
        (seed, net, step, 2.0 ** -(step // 10) + seed, label, step * strong + label, 0.1 * step + 10 * seed)
        for seed in range(SEEDS)
        for net, steps, strong in (("clean", 60, 0.05), ("robust", 150, 1.0))
        for step in range(0, steps + 1, 10)
        for label in range(CLASSES)
    ]
    return pd.DataFrame(rows, columns=["seed", "net", "step", "loss", "label", "robust", "nonrobust"])


def boundary(radius):
    return 0.5 + 0.5 * np.asarray(radius)


def shift(seed):
    """How far a seed's boundary lies above the others'."""
    return 0.01 * (seed - 1) ** 2


def races():
    rows = [
        (seed, radius, strength, 4.0 * (strength - boundary(radius) - shift(seed)))
        for seed in range(SEEDS)
        for radius in RADII
        for strength in STRENGTHS
    ]
    return pd.DataFrame(rows, columns=["seed", "radius", "strength", "log_ratio"])


FIGURES = {
    "alignments": lambda: alignments.figure(training(), title="Experiment"),
    "one net": lambda: alignments.figure(training().query("net == 'robust'")),
    "race": lambda: race.figure(races(), boundary, title="Experiment"),
    "partial race": lambda: race.figure(races().query("seed > 0 or strength < 0.5"), boundary),
}


def panels(figure: Figure) -> list[Any]:
    """The axes, as Any: matplotlib types its artists too widely to read numbers back from them."""
    return list(figure.axes)


def texts(figure: Figure) -> list[str]:
    return [t.get_text() for t in figure.findobj(Text) if isinstance(t, Text) and t.get_text().strip()]


def curves(axes) -> dict[str, Any]:
    return {line.get_label(): line for line in axes.lines}


# Both


@pytest.mark.parametrize("name", FIGURES)
def test_saved_the_same_every_time_and_without_pyplot(name, tmp_path):
    one, two = (style.save(FIGURES[name](), tmp_path / folder / "figure") for folder in ("one", "two"))
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", FIGURES)
def test_text_is_whole_and_does_not_overlap(name):
    figure = FIGURES[name]()
    with style.theme():
        figure.canvas.draw()
    written = list(figure.texts)
    for axes in panels(figure):
        written += [axes.xaxis.label, axes.yaxis.label, *(t for t in axes.get_children() if isinstance(t, Text))]
    written += [text for legend in figure.legends for text in legend.get_texts()]
    boxes = [(t.get_text(), t.get_window_extent()) for t in written if t.get_text() and t.get_visible()]
    assert len(boxes) >= 5
    for text, box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0, text
        assert box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, text
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        assert not a.overlaps(b), (one, other)


def test_missing_columns_are_named():
    with pytest.raises(ValueError, match="lacks the columns loss, nonrobust"):
        alignments.figure(training().drop(columns=["loss", "nonrobust"]))
    with pytest.raises(ValueError, match="lacks the columns log_ratio"):
        race.figure(races().drop(columns="log_ratio"), boundary)


@pytest.mark.parametrize("empty", [pd.DataFrame(), "columns only"], ids=["no columns", "columns only"])
def test_nothing_is_said_to_be_nothing(empty, tmp_path):
    for found, words in (
        (alignments.figure(training().iloc[:0] if isinstance(empty, str) else empty, title="T"), "no alignments"),
        (race.figure(races().iloc[:0] if isinstance(empty, str) else empty, boundary, title="T"), "no measurements"),
    ):
        assert words in texts(found) and "T" in texts(found)
        style.save(found, tmp_path / "figure")


# Alignments


def test_alignments_are_means_over_classes_and_seeds_with_the_seeds_hull():
    clean, robust, *_ = panels(alignments.figure(training()))
    assert [axes.get_title(loc="left") for axes in (clean, robust)] == ["standard training", "adversarial training"]
    for axes, last, strong in ((clean, 60, 0.05), (robust, 150, 1.0)):
        of_robust, of_nonrobust = axes.lines
        assert of_robust.get_label().startswith("robust feature") and "u_c" in of_robust.get_label()
        assert of_nonrobust.get_label().startswith("non-robust feature") and "v_c" in of_nonrobust.get_label()
        steps = np.arange(0, last + 1, 10)
        assert list(of_robust.get_xdata()) == list(steps)
        # Classes add 0 … 3 to the one, seeds 0, 10, 20 to the other.
        assert of_robust.get_ydata() == pytest.approx(strong * steps + 1.5)
        assert of_nonrobust.get_ydata() == pytest.approx(0.1 * steps + 10)
        narrow, wide = (band.get_paths()[0].vertices for band in axes.collections)
        at_end = [band[np.isclose(band[:, 0], last), 1] for band in (narrow, wide)]
        assert (at_end[0].min(), at_end[0].max()) == pytest.approx((strong * last + 1.5,) * 2)
        assert (at_end[1].min(), at_end[1].max()) == pytest.approx((0.1 * last, 0.1 * last + 20))


def test_alignments_share_their_axes_and_show_the_loss_below():
    figure = alignments.figure(training())
    clean, robust, below, other = panels(figure)
    assert clean.get_ylim() == robust.get_ylim() and below.get_ylim() == other.get_ylim()
    assert clean.get_xlim() == below.get_xlim() != robust.get_xlim() == other.get_xlim()
    for axes in (below, other):
        assert axes.get_yscale() == "log" and axes.get_xlabel() == "training step"
        (line,) = axes.lines
        assert line.get_color() == style.MUTED
        assert line.get_ydata()[:3] == pytest.approx([2.0, 1.5, 1.25])  # 2^-i + (0 + 1 + 2)/3
    assert clean.get_ylabel() == "largest alignment of a filter,\nmean over classes"
    (legend,) = figure.legends
    assert len(legend.get_texts()) == 2


@pytest.mark.parametrize("net,words", list(alignments.TITLES.items()))
def test_alignments_of_one_net_have_one_column(net, words):
    frame = training()
    found = panels(alignments.figure(frame.loc[frame["net"] == net]))
    assert len(found) == 2 and found[0].get_title(loc="left") == words
    assert found[1].get_position().y1 < found[0].get_position().y0


def test_alignments_bear_diverged_seeds_and_vanished_losses():
    frame = training()
    frame.loc[(frame["seed"] == 2) & (frame["step"] > 30), ["loss", "robust", "nonrobust"]] = np.nan
    frame.loc[frame["step"] == 60, "loss"] = 0.0
    clean, _, below, _ = panels(alignments.figure(frame))
    assert clean.lines[1].get_ydata()[[3, 4]] == pytest.approx([3 + 10, 4 + 5])
    assert list(below.lines[0].get_xdata()) == list(range(0, 60, 10))
    assert clean.get_xlim() == below.get_xlim()


def test_alignments_need_not_be_measured_at_every_step():
    frame = training()
    frame.loc[frame["step"] % 20 == 10, ["robust", "nonrobust"]] = np.nan
    clean, _, below, _ = panels(alignments.figure(frame))
    assert [list(line.get_xdata()) for line in clean.lines] == [[0, 20, 40, 60]] * 2
    assert len(below.lines[0].get_xdata()) == 7


# The race


def test_race_colours_are_means_over_seeds_centred_at_zero():
    axes, bar = panels(race.figure(races(), boundary))
    (cells,) = [c for c in axes.collections if c.get_array() is not None]
    table = np.asarray(cells.get_array()).reshape(len(STRENGTHS), len(RADII))
    mean_shift = np.mean([shift(seed) for seed in range(SEEDS)])
    expected = 4 * (np.array(STRENGTHS)[:, None] - boundary(RADII)[None, :] - mean_shift)
    assert table == pytest.approx(expected)
    low, high = cells.get_clim()
    assert -low == high == pytest.approx(np.abs(expected).max())
    below, middle, above = (cells.to_rgba(value) for value in (low, 0.0, high))
    assert below[2] > below[0] and above[0] > above[2]  # blue where the robust feature wins
    assert min(middle[:3]) > 0.9
    assert bar.get_ylabel() == "ln(non-robust / robust alignment)"


def test_race_cells_meet_half_way_between_the_radii():
    axes = panels(race.figure(races(), boundary))[0]
    corners = np.asarray(next(c for c in axes.collections if c.get_array() is not None).get_coordinates())
    assert corners[0, :, 0] == pytest.approx([-0.025, 0.025, 0.075, 0.2, 0.4])
    assert corners[:, 0, 1][[0, 1, -1]] == pytest.approx([0.275, 0.325, 0.775])
    assert list(axes.get_xticks()) == list(RADII)
    assert axes.get_xlim() == pytest.approx((-0.025, 0.4)) and axes.get_ylim() == pytest.approx((0.275, 0.775))
    assert race.edges(np.array([0.2])) == pytest.approx([0.15, 0.25])


def test_race_shows_the_predicted_boundary_inside_the_diagram():
    axes = panels(race.figure(races(), lambda radius: 0.5 + 10 * radius))[0]
    line = curves(axes)[r"predicted critical $\beta$"]
    x, y = line.get_data()
    assert x.min() >= 0 and x.max() == pytest.approx(0.4)
    assert y == pytest.approx(0.5 + 10 * x)
    assert line.get_linestyle() == "-"
    assert axes.get_ylim() == pytest.approx((0.275, 0.775))  # the line leaves, the diagram stays


def bars(axes) -> dict[float, tuple[float, float, float, bool]]:
    """Of every error bar: radius, mean, low, high and whether its marker is filled."""
    found = {}
    for container in axes.containers:
        point, _, (stem,) = container.lines
        (_, low), (_, high) = stem.get_segments()[0]
        filled = point.get_markerfacecolor() != "white"
        found[float(point.get_xdata()[0])] = (float(point.get_ydata()[0]), low, high, filled)
    return found


def test_race_shows_the_mean_crossing_of_the_seeds_with_students_interval():
    axes = panels(race.figure(races(), boundary))[0]
    found = bars(axes)
    assert list(found) == list(RADII)
    for radius, (mean, low, high, filled) in found.items():
        each = [float(boundary(radius)) + shift(seed) for seed in range(SEEDS)]
        assert mean == pytest.approx(np.mean(each))
        assert (low, high) == pytest.approx(mean_interval(each))
        assert filled


def test_race_marks_radii_where_some_seeds_never_cross():
    frame = races()
    # Seed 0 never crosses at 0.05, seeds 0 and 2 not at 0.1, none at 0.3.
    gone = {0.05: [0], 0.1: [0, 2], 0.3: [0, 1, 2]}
    for radius, seeds in gone.items():
        frame.loc[(frame["radius"] == radius) & frame["seed"].isin(seeds), "log_ratio"] = -1.0
    figure = race.figure(frame, boundary)
    found = bars(panels(figure)[0])
    assert {radius: filled for radius, (*_, filled) in found.items()} == {0.0: True, 0.05: False, 0.1: False}
    assert found[0.05][0] == pytest.approx(boundary(0.05) + (shift(1) + shift(2)) / 2)
    # One seed says nothing about the spread.
    assert found[0.1][:3] == pytest.approx([float(boundary(0.1)) + shift(1)] * 3)
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.get_texts()][1:] == ["measured, mean over seeds", "not all seeds cross"]


def test_race_leaves_out_what_was_not_measured_and_bears_infinity():
    frame = races()
    frame.loc[(frame["radius"] == 0.1) & (frame["strength"] == STRENGTHS[0]), "log_ratio"] = np.nan
    frame.loc[(frame["radius"] == 0.3) & (frame["strength"] == STRENGTHS[-1]), "log_ratio"] = np.inf
    (cells,) = [c for c in panels(race.figure(frame, boundary))[0].collections if c.get_array() is not None]
    table = np.ma.masked_invalid(cells.get_array()).reshape(len(STRENGTHS), len(RADII))
    assert np.argwhere(np.ma.getmaskarray(table)).tolist() == [[0, 2]]
    assert np.isfinite(cells.get_clim()).all() and table[-1, 3] == cells.get_clim()[1]
    assert "no measurements" in texts(race.figure(frame.assign(log_ratio=np.nan), boundary))

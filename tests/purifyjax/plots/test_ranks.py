"""What the figure of accuracy by rank shows, read back from its artists."""

from __future__ import annotations

import itertools
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.text import Text

from purifyjax.plots import ranks, style

RANKS = {"theory": (1, 4, 16), "alexnet": (2, 8)}
FULL, POINTS = {"theory": 128, "alexnet": 40}, 200


def robust(net, rank, seed):
    """Points right under attack."""
    if rank == 0:
        return 2 * seed**2
    return (180 if net == "theory" else 90) + seed**2 * (1 + (rank == FULL[net])) + int(2 * np.log2(min(rank, 16)))


def measured():
    rows = [
        (seed, net, rank, rank == FULL[net], 195 + seed**2, robust(net, rank, seed), POINTS)
        for net, several in RANKS.items()
        for rank in (0, *several, FULL[net])
        for seed in range(3)
    ]
    return pd.DataFrame(rows, columns=["seed", "net", "rank", "full", "clean", "robust", "points"])


def panels(figure) -> list[Any]:
    return list(figure.axes)


def curve(axes, label):
    return next(line for line in axes.lines if line.get_label() == label)


def band(axes, index):
    """Lowest and highest value of a band at every place."""
    corners = [c for c in axes.collections if isinstance(c, PolyCollection)][index].get_paths()[0].vertices
    return {x: (corners[corners[:, 0] == x, 1].min(), corners[corners[:, 0] == x, 1].max()) for x in set(corners[:, 0])}


def test_saved_the_same_every_time_and_without_pyplot(tmp_path):
    one, two = (style.save(ranks.figure(measured(), title="T"), tmp_path / f / "figure") for f in ("one", "two"))
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]
    assert plt.get_fignums() == []


@pytest.mark.parametrize("nets", [("theory", "alexnet"), ("theory",)])
def test_text_is_whole_and_does_not_overlap(nets):
    frame = measured()
    figure = ranks.figure(frame.loc[frame["net"].isin(nets)], title="Experiment")
    with style.theme():
        figure.canvas.draw()
    written: list[Any] = list(figure.texts)
    for axes in panels(figure):
        written += [axes.xaxis.label, axes.yaxis.label, *(t for t in axes.get_children() if isinstance(t, Text))]
        written += axes.get_xticklabels() if axes.get_xlabel() else []
    written += [text for legend in figure.legends for text in legend.get_texts()]
    boxes = [(t.get_text(), t.get_window_extent()) for t in written if t.get_text() and t.get_visible()]
    assert len(boxes) >= 12
    for text, box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, text
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        assert not a.overlaps(b), (one, other)


def test_curves_are_means_over_seeds_with_their_hull():
    theory, alexnet, *_ = panels(ranks.figure(measured()))
    for axes, net in ((theory, "theory"), (alexnet, "alexnet")):
        assert axes.get_title(loc="left") == net
        for index, (label, value) in enumerate(
            (("clean accuracy", lambda net, rank, seed: 195 + seed**2), ("robust accuracy", robust))
        ):
            line = curve(axes, label)
            assert list(line.get_xdata()) == list(RANKS[net])
            each = np.array([[value(net, rank, seed) / POINTS for seed in range(3)] for rank in RANKS[net]])
            assert line.get_ydata() == pytest.approx(each.mean(axis=1))
            ends = band(axes, index)
            assert [ends[rank] for rank in RANKS[net]] == [pytest.approx((row.min(), row.max())) for row in each]
        full = np.mean([robust(net, FULL[net], seed) for seed in range(3)]) / POINTS
        assert curve(axes, "robust, unrestricted update").get_ydata() == pytest.approx([full, full])


def test_the_net_before_the_update_stands_apart_at_zero():
    figure = ranks.figure(measured())
    for above, below, net in zip(panels(figure)[:2], panels(figure)[2:], RANKS, strict=True):
        points = [container.lines[0] for container in above.containers]
        assert [point.get_xdata()[0] for point in points] == [RANKS[net][0] / 2] * 2
        assert [point.get_ydata()[0] for point in points] == pytest.approx([(195 + 5 / 3) / POINTS, 10 / 3 / POINTS])
        (stem,) = above.containers[1].lines[2]
        assert stem.get_segments()[0][:, 1] == pytest.approx([0, 8 / POINTS])
        labels = [tick.get_text() for tick in below.get_xticklabels()]
        assert labels == ["0", *(str(rank) for rank in RANKS[net])] and below.get_xscale() == "log"


def test_the_strip_shows_paired_differences_and_how_far_they_may_go():
    figure = ranks.figure(measured(), within=0.03)
    for below, net in zip(panels(figure)[2:], RANKS, strict=True):
        line = below.lines[0]
        each = np.array(
            [[(robust(net, FULL[net], s) - robust(net, rank, s)) / POINTS for s in range(3)] for rank in RANKS[net]]
        )
        assert line.get_ydata() == pytest.approx(each.mean(axis=1))
        ends = band(below, 0)
        assert [ends[rank] for rank in RANKS[net]] == [pytest.approx((row.min(), row.max())) for row in each]
        (allowed,) = below.patches
        assert (allowed.get_y(), allowed.get_y() + allowed.get_height()) == pytest.approx((0, 0.03))
        low, high = below.get_ylim()
        assert low < 0 and high >= 0.045


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(ValueError, match="lacks the columns full, points"):
        ranks.figure(measured().drop(columns=["full", "points"]))
    for empty in (pd.DataFrame(), measured().iloc[:0]):
        figure = ranks.figure(empty, title="T")
        said = [t.get_text() for t in figure.findobj(Text) if isinstance(t, Text) and t.get_text()]
        assert "no measurements" in said and "T" in said
        style.save(figure, tmp_path / "figure")
    # A net with nothing but its two ends, as where no low rank was trained.
    frame = measured()
    ends = ranks.figure(frame.loc[frame["full"] | (frame["rank"] == 0)])
    assert len(panels(ends)) == 4
    style.save(ends, tmp_path / "ends")


def test_every_pair_of_panels_shares_its_axes():
    figure = ranks.figure(measured())
    above, below = panels(figure)[:2], panels(figure)[2:]
    for row in (above, below):
        assert all(a.get_ylim() == b.get_ylim() for a, b in itertools.pairwise(row))
    for a, b in zip(above, below, strict=True):
        assert a.get_xlim() == b.get_xlim()

"""What the figure of natural codes shows, read back from its artists."""

from __future__ import annotations

import itertools
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Text

from purifyjax.plots import natural, style

TAU, SEEDS = 0.4, 3
RADII = (0.0, 0.2, 0.4, 0.8)
DROP = {"natural": 0.5, "natural-shuffled": 0.8, "natural-ideal": 1.0}


def codes():
    rows = []
    for kind in natural.KINDS:
        for count in range(31):
            share = 1 / 25 if 3 <= count < 28 else 0.0
            rows.append((kind, "nonzeros", count, share))
            rows.append((kind, "independent nonzeros", count, np.exp(-((count - 15) ** 2) / 18) / 7.52))
        middle = np.arange(0.05, 3, 0.1)
        width = 0.5 if kind == "natural" else 0.1
        share = np.exp(-((middle - 1) ** 2) / (2 * width**2))
        rows += [(kind, "lift", *pair) for pair in zip(middle, share / share.sum(), strict=True)]
        rows.append((kind, "dispersion", 0, 5.0))
    return pd.DataFrame(rows, columns=["experiment", "quantity", "index", "value"])


def share(kind, net, radius, seed):
    slope = DROP[kind] if net == "clean" else 0.1
    return 1 - slope * radius + 0.02 * (seed - 1) * (radius > 0)


def robustness():
    rows = [
        (kind, seed, net, attack, radius, share(kind, net, radius, seed) * points - 50 * (attack == "fgm"), points)
        for kind in natural.KINDS
        for seed in range(SEEDS)
        for net in ("clean", "robust")
        for attack in ("worst", "fgm")
        for radius in RADII
        for points in (100, 1000)
    ]
    frame = pd.DataFrame(rows, columns=["experiment", "seed", "net", "attack", "radius", "correct", "points"])
    # The small set says something else: the large one counts.
    frame.loc[frame["points"] == 100, "correct"] -= 10
    return frame


def pictures(count=10, side=4):
    index, row, column = (axis.ravel() for axis in np.indices((count, side, side)))
    value = (row - 1.5) * (index + 1)
    return pd.DataFrame({"index": index, "row": row, "column": column, "value": value})


def drawn(**frames):
    parts = {"codes": codes(), "robustness": robustness(), "pictures": pictures()} | frames
    return natural.figure(parts["codes"], parts["robustness"], parts["pictures"], TAU, title="Experiment")


def panels(figure: Figure) -> list[Any]:
    """The axes, as Any: matplotlib types its artists too widely to read numbers back from them."""
    return list(figure.axes)


def test_saved_the_same_every_time_and_without_pyplot(tmp_path):
    one, two = (style.save(drawn(), tmp_path / folder / "figure") for folder in ("one", "two"))
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]
    assert plt.get_fignums() == []


def test_text_is_whole_and_does_not_overlap():
    figure = drawn()
    with style.theme():
        figure.canvas.draw()
    written = list(figure.texts)
    for axes in panels(figure):
        if axes.axison:
            written += [axes.xaxis.label, axes.yaxis.label, *axes.get_legend().get_texts()]
            for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
                written += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
        written += [text for text in axes.get_children() if isinstance(text, Text)]
    boxes = [(t.get_text(), t.get_window_extent()) for t in written if t.get_text() and t.get_visible()]
    assert len(boxes) >= 30
    for text, box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0, text
        assert box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, text
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        assert not a.overlaps(b), (one, other)


def test_every_atom_fills_its_scale_in_its_place():
    axes = panels(drawn())[0]
    assert len(axes.images) == 10
    for index, image in enumerate(axes.images):
        pixels = np.asarray(image.get_array())
        assert pixels == pytest.approx(np.repeat((np.arange(4) - 1.5)[:, None], 4, axis=1) * (index + 1))
        assert image.get_clim() == pytest.approx((-1.5 * (index + 1), 1.5 * (index + 1)))
    # Four across: the sixth stands below the second.
    second, sixth = (axes.images[place].get_extent() for place in (1, 5))
    assert second[:2] == sixth[:2] and sixth[3] > second[2]


def test_atoms_keep_rows_and_columns():
    frame = pictures(1)
    frame["value"] = 10 * frame["row"] + frame["column"]
    (image,) = panels(drawn(pictures=frame.sample(frac=1, random_state=0)))[0].images
    assert np.asarray(image.get_array()) == pytest.approx(10 * np.arange(4)[:, None] + np.arange(4))
    assert image.origin == "upper"


def test_nonzeros_stand_beside_their_prediction():
    axes = panels(drawn())[1]
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == pytest.approx([1 / 25 if 3 <= count < 28 else 0 for count in range(31)])
    assert [bar.get_x() + bar.get_width() / 2 for bar in axes.patches] == pytest.approx(list(range(31)))
    (line,) = axes.lines
    own = codes()
    rows = own[(own.experiment == "natural") & (own.quantity == "independent nonzeros")]
    assert line.get_ydata() == pytest.approx(rows.value.to_numpy())
    assert axes.get_xlim() == pytest.approx((-0.5, 27.5))
    assert "$\\|z\\|_0$" in axes.get_xlabel()


def test_lifts_are_densities_of_all_kinds():
    axes = panels(drawn())[2]
    *bars, shuffled, ideal = axes.patches
    own = codes()
    for kind, density in (
        ("natural", [bar.get_height() for bar in bars]),
        ("natural-shuffled", shuffled.get_data().values),
        ("natural-ideal", ideal.get_data().values),
    ):
        rows = own[(own.experiment == kind) & (own.quantity == "lift")]
        assert density == pytest.approx(rows.value.to_numpy() / 0.1)
        assert np.sum(density) * 0.1 == pytest.approx(1)
    assert shuffled.get_data().edges[[0, -1]] == pytest.approx([0, 3])
    assert axes.get_yscale() == "log" and axes.get_xlim() == pytest.approx((0, 3))
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["0", "0.5", "1", "1.5", "2", "2.5", r"$\geq$3"]


def test_accuracy_has_a_curve_a_kind_and_net_and_a_band_for_real_codes():
    axes = panels(drawn())[3]
    curves = [line for line in axes.lines if len(line.get_xdata()) == len(RADII)]
    assert len(curves) == 6 and len(axes.collections) == 2
    names = list(itertools.product(natural.KINDS, style.NETS))
    for line, (kind, net) in zip(curves, names, strict=True):
        assert line.get_xdata() == pytest.approx(RADII)
        assert line.get_ydata() == pytest.approx([share(kind, net, radius, 1) for radius in RADII])
        assert line.get_color() == style.NETS[net][1]
    assert len({str(line._dash_pattern) for line in curves[::2]}) == 3  # pyright: ignore
    for band, net in zip(axes.collections, style.NETS, strict=True):
        ends = band.get_paths()[0].vertices
        at_end = ends[np.isclose(ends[:, 0], 0.8), 1]
        assert (at_end.min(), at_end.max()) == pytest.approx([share("natural", net, 0.8, seed) for seed in (0, 2)])
        assert band.get_facecolor()[0][:3] == pytest.approx(to_rgba(style.NETS[net][1])[:3])
    (mark,) = [line for line in axes.lines if len(line.get_xdata()) == 2]
    assert list(mark.get_xdata()) == [TAU, TAU]
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words == [label for label, _ in natural.KINDS.values()] + [label for label, _ in style.NETS.values()]


def test_missing_columns_are_named():
    for name, column in (("codes", "quantity"), ("robustness", "radius"), ("pictures", "value")):
        frame = {"codes": codes, "robustness": robustness, "pictures": pictures}[name]()
        with pytest.raises(ValueError, match=f"lacks the columns {column}"):
            drawn(**{name: frame.drop(columns=column)})


def test_nothing_is_said_to_be_nothing(tmp_path):
    figure = drawn(codes=codes().iloc[:0], robustness=robustness().iloc[:0], pictures=pictures().iloc[:0])
    words = [text.get_text() for text in figure.findobj(Text) if isinstance(text, Text)]
    assert {"no atoms", "no codes", "no pairs", "no measurements", "Experiment"} <= set(words)
    style.save(figure, tmp_path / "figure")


def test_one_kind_alone_is_drawn():
    own, accuracy = codes(), robustness()
    figure = drawn(codes=own[own.experiment == "natural"], robustness=accuracy[accuracy.experiment == "natural-ideal"])
    *_, lift, below = panels(figure)
    assert len(lift.patches) == 30 and len(below.lines) == 3 and not below.collections

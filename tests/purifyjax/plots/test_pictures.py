"""What the rows of pictures show, read back from their artists."""

from __future__ import annotations

import itertools
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from purifyjax.plots import pictures, style


def tidy(group, images, captions=(), **more):
    """A row an entry of images [n, height, width, channel]."""
    images = np.asarray(images, np.float64)
    index, row, column, channel = (axis.ravel() for axis in np.indices(images.shape))
    places = {"index": index, "row": row, "column": column, "channel": channel, "value": images.ravel()}
    texts = {"caption": np.array(captions, dtype=object)[index]} if len(captions) else {}
    return pd.DataFrame({"group": group} | places | texts | more)


RNG = np.random.default_rng(0)
DIGITS = RNG.uniform(size=(7, 8, 8, 1))
FILTERS = RNG.normal(size=(5, 3, 3, 1))
COLOURS = RNG.uniform(size=(3, 4, 4, 3))
CAPTIONS = [f"{i} → {i + 2}" for i in range(7)]


def everything():
    return pd.concat(
        [
            tidy("clean images", DIGITS, [str(i) for i in range(7)]),
            tidy("one pixel changed", DIGITS[::-1], CAPTIONS),
            tidy("first-layer filters", FILTERS),
            tidy("perturbations in colour", 0.2 * COLOURS - 0.1),
        ]
    )


def panels(figure: Figure) -> list[Any]:
    """The axes, as Any: matplotlib types its artists too widely to read numbers back from them."""
    return list(figure.axes)


def test_pictures_are_the_tables_in_whatever_order_its_rows_are():
    table = everything().sample(frac=1, random_state=0)
    found = {axes.get_title(loc="left"): axes for axes in panels(pictures.figure(table))}
    assert set(found) == set(table["group"])
    for name, images in (
        ("clean images", DIGITS),
        ("one pixel changed", DIGITS[::-1]),
        ("first-layer filters", FILTERS),
    ):
        for image, expected in zip(found[name].images, images, strict=True):
            np.testing.assert_allclose(image.get_array(), expected[..., 0])
            assert image.get_interpolation() == "nearest" and image.origin == "upper"
    assert [t.get_text() for t in found["one pixel changed"].texts] == CAPTIONS


def test_groups_come_in_the_tables_order_and_wrap():
    axes, *others = panels(pictures.figure(everything(), columns=3))
    assert [a.get_title(loc="left") for a in (axes, *others)] == list(dict.fromkeys(everything()["group"]))
    corners = [(image.get_extent()[0], image.get_extent()[3]) for image in axes.images]
    columns, rows = (sorted(set(np.round(side, 9))) for side in zip(*corners, strict=True))
    assert len(columns) == 3 and len(rows) == 3
    assert [(columns.index(round(x, 9)), rows.index(round(y, 9))) for x, y in corners] == [
        (0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (0, 2)
    ]  # fmt: skip
    # Upright: the first row of pixels is on top, and the axis points down.
    left, right, bottom, top = axes.images[0].get_extent()
    assert bottom > top and right > left and axes.get_ylim()[0] > axes.get_ylim()[1]
    for one, other in itertools.combinations(axes.images, 2):
        a, b = (image.get_window_extent() for image in (one, other))
        assert not a.overlaps(b)


def test_unsigned_pictures_are_grey_from_black_to_white():
    (axes,) = panels(pictures.figure(tidy("images", 0.5 * DIGITS)))
    for image in axes.images:
        assert image.get_clim() == (0, 1)
        assert np.ptp(image.cmap(0.3)[:3]) == 0
        black, white = image.cmap(0.0)[:3], image.cmap(1.0)[:3]
        assert black == (0, 0, 0) and white == (1, 1, 1)
    assert not axes.child_axes


def test_signed_pictures_share_one_scale_a_group_around_zero():
    table = pd.concat([tidy("small", FILTERS), tidy("large", -30 * FILTERS)])
    small, large = panels(pictures.figure(table))
    for axes, scale in ((small, np.abs(FILTERS).max()), (large, 30 * np.abs(FILTERS).max())):
        assert {image.get_clim() for image in axes.images} == {(-scale, scale)}
        minus, zero, plus = (axes.images[0].cmap(value)[:3] for value in (0.0, 0.5, 1.0))
        assert minus[2] > minus[0] and plus[0] > plus[2] and min(zero) > 0.95
        (bar,) = axes.child_axes
        assert [t.get_text().replace("−", "-") for t in bar.get_yticklabels()] == [
            f"{v:.3g}" for v in (-scale, 0, scale)
        ]


def test_colours_are_shown_as_they_are_and_signed_ones_around_grey():
    images, moves = panels(pictures.figure(pd.concat([tidy("images", COLOURS), tidy("moves", 0.4 * COLOURS - 0.3)])))
    for image, expected in zip(images.images, COLOURS, strict=True):
        np.testing.assert_allclose(image.get_array(), expected)
    scale = np.abs(0.4 * COLOURS - 0.3).max()
    for image, expected in zip(moves.images, COLOURS, strict=True):
        np.testing.assert_allclose(image.get_array(), 0.5 + (0.4 * expected - 0.3) / (2 * scale))
    assert not images.texts and not moves.child_axes
    assert [t.get_text() for t in moves.texts] == [f"grey: 0\nends:\n±{scale:.3g}"]


def test_the_table_may_say_what_is_signed():
    outside, inside = tidy("images", 2 * DIGITS - 0.5, signed=False), tidy("filters", 0.5 * DIGITS, signed=True)
    first, second = panels(pictures.figure(pd.concat([outside, inside])))
    assert first.images[0].get_clim() == (0, 1) and not first.child_axes
    assert second.images[0].get_clim() == pytest.approx((-0.5 * DIGITS.max(), 0.5 * DIGITS.max()))
    # Rounding beyond [0, 1] does not make an image signed.
    (axes,) = panels(pictures.figure(tidy("images", np.full((1, 2, 2, 1), 1 + 1e-8))))
    assert axes.images[0].get_clim() == (0, 1)


def test_zeros_missing_values_and_oblong_pictures_are_borne(tmp_path):
    wide = np.zeros((2, 2, 5, 1))
    wide[1, 0, 0] = np.nan
    colours = COLOURS.copy()
    colours[0, 0, 0] = np.nan
    figure = pictures.figure(pd.concat([tidy("zeros", wide, signed=True), tidy("colours", colours, signed=False)]))
    zeros, other = panels(figure)
    assert zeros.images[0].get_clim() == (-1, 1)
    left, right, bottom, top = zeros.images[0].get_extent()
    assert (right - left, bottom - top) == pytest.approx((1, 0.4))
    assert other.images[0].get_array().mask[0, 0].all()
    style.save(figure, tmp_path / "figure")


def test_captions_may_be_missing_for_some():
    table = tidy("images", DIGITS, ["a", None, "", "b", np.nan, None, None])
    (axes,) = panels(pictures.figure(table))
    assert [t.get_text() for t in axes.texts] == ["a", "b"]


def test_what_is_no_picture_is_refused():
    table = tidy("images", DIGITS)
    with pytest.raises(ValueError, match="lacks the columns index, value"):
        pictures.figure(table.drop(columns=["index", "value"]))
    with pytest.raises(ValueError, match="no pictures"):
        pictures.figure(table.iloc[:0])
    missing, doubled = table.iloc[1:], pd.concat([table, table.iloc[:1]])
    for broken in (missing, doubled, pd.concat([missing, table.iloc[5:6]])):
        with pytest.raises(ValueError, match="picture 0 of images must have every pixel once"):
            pictures.figure(broken)
    with pytest.raises(ValueError, match="one channel or three, got 2"):
        pictures.figure(tidy("images", COLOURS[..., :2]))


def test_saved_the_same_every_time_and_without_pyplot(tmp_path):
    one, two = (
        style.save(pictures.figure(everything(), title="Experiment"), tmp_path / folder / "figure")
        for folder in ("one", "two")
    )
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]
    assert plt.get_fignums() == []


@pytest.mark.parametrize("columns", [3, 7, 32])
def test_text_is_whole_and_does_not_overlap(columns):
    # As long as two of the narrowest pictures are wide.
    texts = [f"filter {i:2d}" for i in range(40)] if columns == 32 else [str(i) for i in range(40)]
    many = tidy("many filters", np.concatenate(8 * [FILTERS]), texts)
    table = pd.concat([everything(), many])
    figure = pictures.figure(table, title="Experiment", columns=columns)
    with style.theme():
        figure.canvas.draw()
    assert figure.get_size_inches()[0] < 12
    written, frames = list(figure.texts), []
    for axes in panels(figure):
        written += [t for t in axes.get_children() if isinstance(t, Text)]
        written += [t for bar in axes.child_axes for t in bar.get_yticklabels()]
        frames += [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    boxes = [(t.get_text(), t.get_window_extent()) for t in written if t.get_text() and t.get_visible()]
    assert len(boxes) == 1 + 5 + 14 + 40 + 3 + 3 + 1
    for text, box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, text
        assert not any(box.overlaps(frame.get_window_extent()) for frame in frames), text
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        assert not a.overlaps(b), (one, other)

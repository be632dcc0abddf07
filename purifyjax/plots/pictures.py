"""Small images in rows: filters, perturbations, attacked images, inputs that neurons answer most."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from purifyjax.plots import style

_SIDE = 0.9  # inches of a picture, at most
_WIDTH = 10.0  # inches of a row of pictures, at most
_GAP = 0.12  # between pictures, of their side
_CAPTION = 0.24  # inches of room for a caption
_LETTER = 0.085  # inches of a letter in one
_SIGNED = "RdBu_r"


class Picture(NamedTuple):
    """Pixels [row, column, channel], and what stands above them."""

    pixels: NDArray[np.float64]
    caption: str


class Layout(NamedTuple):
    """Where the pictures of a group stand, in sides of a picture.

    Attributes:
      across: pictures in a row.
      pixels: of the longest side of any picture.
      caption: room above each picture.
      step: from the top of one row to that of the next.
      width, height: of all of them.
    """

    across: int
    pixels: int
    caption: float
    step: float
    width: float
    height: float


def figure(table: pd.DataFrame, *, title: str = "", columns: int = 10) -> Figure:
    """Draw pictures in rows of at most `columns`, a block under a heading for every group.

    Signed pictures (filters, perturbations) are red where positive, blue where negative and white at 0, on one scale a
    group, which is symmetric about 0 and stands beside it; those of three channels are coloured, grey at 0. The others
    are grey or coloured from 0 to 1, and what lies outside is cut off.

    Args:
      table: a row per pixel, with columns `group` (the heading, such as a net or a kind), `index` (which picture of the
        group, drawn in this order), `row`, `column`, `channel` (one or three) and `value`; optionally `caption`, a text
        above each picture, such as "3 → 8", and `signed`, whether the group is. Without that column a group is signed
        that has a value outside [0, 1].
      columns: pictures in a row, at least 1; fewer where their captions would run into each other.
      title: heading of the figure.

    Raises:
      ValueError: a column is missing, there are no pictures, pixels of one are missing or doubled, or a picture has two
        channels or more than three.
    """
    style.require_columns(table, "group", "index", "row", "column", "channel", "value")
    if table.empty:
        raise ValueError("the frame has no pictures")
    groups = [(str(name), _pictures(rows), _signed(rows)) for name, rows in table.groupby("group", sort=False)]
    # Pictures are as wide as their captions, if need be fewer in a row.
    least = _LETTER * max(len(picture.caption) for _, pictures, _ in groups for picture in pictures)
    across = min(columns, max(len(pictures) for _, pictures, _ in groups))
    across = max(1, min(across, int(_WIDTH / (1 + _GAP) / max(least, 0.1))))
    side = max(least, min(_SIDE, _WIDTH / (across * (1 + _GAP))))
    layouts = [_layout(pictures, across, side) for _, pictures, _ in groups]
    heights = [layout.height for layout in layouts]
    with style.theme():
        # Room beside for the scales, above each block for its heading.
        fig = style.new_figure(layouts[0].width * side + 1.2, sum(heights) * side + 0.38 * len(groups) + 0.35)
        blocks = fig.subplots(len(groups), 1, squeeze=False, height_ratios=heights)[:, 0]
        for axes, (name, pictures, signed), layout in zip(blocks, groups, layouts, strict=True):
            axes.set_title(name, pad=1 if layout.caption else 6)
            axes.set_axis_off()
            _draw(axes, pictures, layout, signed)
        style.head(fig, title)
    return fig


def _pictures(rows: pd.DataFrame) -> list[Picture]:
    """The pictures of a group, by index."""
    found = []
    for index, one in rows.groupby("index"):
        places = [np.unique(one[axis], return_inverse=True)[1] for axis in ("row", "column", "channel")]
        pixels = np.full([place.max() + 1 for place in places], np.nan)
        pixels[tuple(places)] = one["value"]
        name = f"picture {index} of {one['group'].iloc[0]}"
        if pixels.size != len(one) or one.duplicated(["row", "column", "channel"]).any():
            raise ValueError(f"{name} must have every pixel once")
        if pixels.shape[2] not in (1, 3):
            raise ValueError(f"{name} must have one channel or three, got {pixels.shape[2]}")
        caption = one["caption"].iloc[0] if "caption" in one else None
        found.append(Picture(pixels, caption if isinstance(caption, str) else ""))
    return found


def _signed(rows: pd.DataFrame) -> bool:
    if "signed" in rows:
        return bool(rows["signed"].any())
    # By more than rounding.
    return bool(((rows["value"] < -1e-6) | (rows["value"] > 1 + 1e-6)).any())


def _layout(pictures: list[Picture], across: int, side: float) -> Layout:
    captioned = any(picture.caption for picture in pictures)
    caption = _CAPTION / side if captioned else 0.0
    pixels = max(max(picture.pixels.shape[:2]) for picture in pictures)
    step = caption + max(picture.pixels.shape[0] for picture in pictures) / pixels + _GAP
    rows = -(-len(pictures) // across)
    return Layout(across, pixels, caption, step, across * (1 + _GAP) - _GAP, rows * step - _GAP)


def _draw(axes: Axes, pictures: list[Picture], layout: Layout, signed: bool) -> None:
    sizes = [np.abs(picture.pixels[np.isfinite(picture.pixels)]).max(initial=0.0) for picture in pictures]
    scale = (max(sizes) or 1.0) if signed else 1.0
    mapped = []
    for place, picture in enumerate(pictures):
        height, width = (count / layout.pixels for count in picture.pixels.shape[:2])
        left, top = place % layout.across * (1 + _GAP), place // layout.across * layout.step + layout.caption
        look: dict[str, Any] = {"extent": (left, left + width, top + height, top), "interpolation": "nearest"}
        if picture.pixels.shape[2] == 3:
            # Colours have no map of their own: 0 in the middle of each channel.
            shown = 0.5 + picture.pixels / (2 * scale) if signed else picture.pixels
            axes.imshow(np.clip(shown, 0, 1), **look)
        else:
            low, colours = (-scale, _SIGNED) if signed else (0.0, "gray")
            mapped.append(axes.imshow(picture.pixels[..., 0], cmap=colours, vmin=low, vmax=scale, **look))
        # A frame: white pixels at the border would run into the paper.
        axes.add_patch(Rectangle((left, top), width, height, fill=False, ec=style.MUTED, lw=0.5, clip_on=False))
        if picture.caption:
            axes.text(left + width / 2, top - 0.04, picture.caption, ha="center", va="bottom", fontsize=9)
    axes.set(xlim=(0, layout.width), ylim=(layout.height, 0), aspect="equal", anchor="W")
    if signed:
        _draw_scale(axes, mapped, scale, layout)


def _draw_scale(axes: Axes, mapped: list[AxesImage], scale: float, layout: Layout) -> None:
    """Say beside the block what its colours mean."""
    left = 1 + 0.12 / layout.width
    if mapped:
        part = min(1.0, 1.5 / layout.height)
        inset = axes.inset_axes((left, (1 - part) / 2, 0.1 / layout.width, part))
        bar = axes.figure.colorbar(mapped[0], cax=inset, ticks=[-scale, 0, scale], format="{x:.3g}")
        bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
        inset.tick_params(labelsize=8.5, length=2)
    else:
        words = f"grey: 0\nends:\n±{scale:.3g}"
        axes.text(left, 0.5, words, transform=axes.transAxes, va="center", fontsize=8.5)

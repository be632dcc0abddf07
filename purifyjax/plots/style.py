"""One look for all figures, and saving them.

Figures are made without pyplot, so nothing is registered globally, no window system is needed and
nothing has to be closed.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from purifyjax.files import write_bytes

_BLUE, _ORANGE, _GREEN, _VERMILION, _PURPLE = sns.color_palette("colorblind", 5).as_hex()

# Colours mean the same in every figure. The palette stays apart for colour-blind readers.
CLEAN = _VERMILION
ROBUST = _BLUE
THIRD = _GREEN
ACCENT = _ORANGE
NETS = {"clean": ("after clean training", CLEAN), "robust": ("after adversarial training", ROBUST)}
NORMS = {"l1": r"$\ell_1$", "l2": r"$\ell_2$", "linf": r"$\ell_\infty$"}
INK = "#222222"
MUTED = "#6b6b6b"


@contextmanager
def theme() -> Iterator[None]:
    """The project's matplotlib settings, inside the block only."""
    settings: dict[Any, Any] = {
        **sns.axes_style("ticks"),
        **sns.plotting_context("notebook", font_scale=0.95),
        "axes.edgecolor": MUTED,
        "axes.labelcolor": INK,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlelocation": "left",
        "axes.titleweight": "bold",
        "axes.titlesize": 11,
        "axes.titlepad": 10,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#e8e8e8",
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "text.color": INK,
        "legend.frameon": False,
        "legend.fontsize": 10,
        "figure.facecolor": "white",
        "savefig.facecolor": "white",
        # Same frame, same bytes: matplotlib otherwise draws SVG ids at random.
        "svg.hashsalt": "purifyjax",
    }
    with mpl.rc_context(settings):
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of `width` × `height` inches that lays itself out. Call inside `theme()`."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def head(figure: Figure, title: str) -> None:
    """Set the figure's heading, at the left; nothing for an empty one."""
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")


def legend_above(axes: Axes, columns: int) -> None:
    """Put the legend in one row above `axes`, where no curve can run through it."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, borderaxespad=0.3, handlelength=1.6)


def save(figure: Figure, path_without_suffix: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Write `figure` as PNG (200 dots an inch) and SVG, each atomically.

    Args:
      figure: from one of the `figure` functions of this package.
      path_without_suffix: `.png` and `.svg` are appended to it; folders are made.

    Returns:
      The two paths, PNG first.
    """
    base = Path(path_without_suffix)
    png, svg = base.with_name(base.name + ".png"), base.with_name(base.name + ".svg")
    with theme():
        _settle(figure)
        for path, metadata in ((png, None), (svg, {"Date": None})):
            drawn = io.BytesIO()  # the drawing libraries would tell of a full disk in words of their own
            figure.savefig(drawn, format=path.suffix[1:], dpi=200, metadata=metadata)
            write_bytes(path, drawn.getvalue())
    return png, svg


def _settle(figure: Figure) -> None:
    """Lay the figure out once, to a millionth of its size: the solver's last digits differ from run to run."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        left, bottom, width, height = (round(edge, 6) for edge in axes.get_position(original=True).bounds)
        axes.set_position((left, bottom, width, height))


def round_ticks(axis: Axis, most: int) -> None:
    """At most `most` intervals between ticks, at round numbers."""
    axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 5, 10]))


def percent_ticks(axis: Axis, most: int = 6) -> None:
    """Round ticks of a fraction, written in per cent with as many digits as each needs."""
    round_ticks(axis, most)
    axis.set_major_formatter(lambda value, _: f"{100 * value:.4g}%")


def require_columns(frame: pd.DataFrame, *columns: str) -> None:
    """Raise ValueError naming the columns that `frame` lacks."""
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise ValueError(f"the frame lacks the columns {', '.join(missing)}")


def say_empty(axes: Axes, reason: str) -> None:
    """Fill `axes` with a sentence instead of data."""
    axes.grid(False)
    axes.text(0.5, 0.5, reason, ha="center", va="center", color=MUTED, transform=axes.transAxes)

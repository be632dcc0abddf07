"""How far training moves the neurons: cosines between initial, clean and robust weights."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from purifyjax.plots import style

Pair = tuple[str, tuple[str, ...], str, str]

# Column, the nets in which the neuron must be live, symbol, what it compares.
PAIRS: tuple[Pair, ...] = (
    ("cos_init_clean", ("live_clean",), r"$|\cos(w, w^0)|$", "initial and clean"),
    ("cos_init_robust", ("live_robust",), r"$|\cos(w', w^0)|$", "initial and robust"),
    ("cos_clean_robust", ("live_clean", "live_robust"), r"$|\cos(w, w')|$", "clean and robust"),
)
UPPER_BOUNDS = (True, True, False)


def figure(
    frame: pd.DataFrame,
    bounds: tuple[float, float, float] = (0.2, 0.1, 1 / math.sqrt(2)),
    *,
    title: str = "",
) -> Figure:
    """Draw histograms over live neurons of |cos(w, w⁰)|, |cos(w′, w⁰)| and |cos(w, w′)|.

    Bars are the mean over seeds of the share of the seed's live neurons, the whiskers on them run from
    the lowest to the highest seed. The shaded side of a bound is where the claim wants the neurons; the
    text says how many are there and what the median is, both as means over seeds.

    Args:
      frame: a row per seed and neuron, with columns `seed`, `live_clean`, `live_robust` (whether the
        neuron fires at all after clean, after adversarial training), `cos_init_clean`,
        `cos_init_robust` and `cos_clean_robust` (absolute cosines).
      bounds: upper bounds on the first two cosines, lower bound on the third.
      title: heading of the figure.

    Raises:
      ValueError: a column is missing.
    """
    style.require_columns(frame, "seed", "live_clean", "live_robust", *(pair[0] for pair in PAIRS))
    with style.theme():
        fig = style.new_figure(10.2, 3.6 if title else 3.4)
        panels = fig.subplots(1, 3, sharex=True)
        colours = (style.CLEAN, style.ROBUST, style.THIRD)
        for axes, pair, bound, upper, colour in zip(panels, PAIRS, bounds, UPPER_BOUNDS, colours, strict=True):
            _draw_panel(axes, frame, pair, bound, upper, colour)
        panels[0].set_ylabel("share of live neurons")
        style.head(fig, title)
    return fig


def _draw_panel(axes: Axes, frame: pd.DataFrame, pair: Pair, bound: float, upper: bool, colour: str) -> None:
    column, live, symbol, words = pair
    rows = frame[frame[list(live)].all(axis=1) & frame[column].notna()]
    axes.set(xlim=(0, 1), xlabel=symbol, title=words)
    if rows.empty:
        style.say_empty(axes, "no live neurons")
        return
    seeds = list(rows.groupby("seed"))
    edges = np.linspace(0, 1, 41)
    shares = np.stack([np.histogram(one[column], edges)[0] / len(one) for _, one in seeds])
    centres, mean = (edges[:-1] + edges[1:]) / 2, shares.mean(axis=0)
    axes.bar(centres, mean, width=edges[1] - edges[0], color=colour, alpha=0.75, ec="white", lw=0.4)
    if len(shares) > 1:
        some = shares.max(axis=0) > 0
        axes.vlines(centres[some], shares.min(axis=0)[some], shares.max(axis=0)[some], color=style.INK, lw=0.8)
    axes.axvspan(0 if upper else bound, bound if upper else 1, color=colour, alpha=0.09, lw=0)
    axes.axvline(bound, color=style.INK, lw=1.2, ls=(0, (4, 3)))
    style.percent_ticks(axes.yaxis)
    # A third of the panel stays free above the bars for the text.
    axes.set_ylim(0, 1.4 * shares.max())
    median = np.mean([np.median(one[column]) for _, one in seeds])
    sign = r"\leq" if upper else r"\geq"
    inside = [np.mean((one[column] <= bound) if upper else (one[column] >= bound)) for _, one in seeds]
    axes.text(
        0.97 if upper else 0.03,
        0.95,
        f"median {median:.3f}\n{100 * np.mean(inside):.1f}% are ${sign}$ {bound:.3g}",
        transform=axes.transAxes,
        ha="right" if upper else "left",
        va="top",
        fontsize=9.5,
        linespacing=1.4,
    )

"""Phase diagram of the race of the features: which one a patch network has learned, by radius and strength."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from purifyjax.analysis.race import crossing
from purifyjax.plots import style
from purifyjax.stats import mean_interval

FloatArray = NDArray[np.float64]


def figure(frame: pd.DataFrame, predicted: Callable[[FloatArray], FloatArray], *, title: str = "") -> Figure:
    """Draw ln(non-robust / robust alignment) over ε and β, with the predicted and the measured boundary.

    Colours are means over seeds: in the upper colour of the bar the non-robust feature has won. The line is the
    predicted critical strength. Points are means over seeds of the strength at which a seed's ratio passes 1, with
    95% Student intervals; they are hollow where some seeds never pass it, and those are then left out.

    Args:
      frame: a row per seed, radius and strength, with columns `seed`, `radius` (ε), `strength` (β) and `log_ratio`
        (log of the mean ⟨w, v_c⟩ over the mean ⟨w, u_c⟩ at the end of training; NaN where it was not measured).
      predicted: the critical β at each of some radii.
      title: heading of the figure.

    Raises:
      ValueError: a column is missing.

    Source: Li & Li, arXiv 2410.08503.
    """
    if not frame.empty:
        style.require_columns(frame, "seed", "radius", "strength", "log_ratio")
        frame = frame.dropna(subset=["log_ratio"])
    with style.theme():
        fig = style.new_figure(7.6, 5.2 if title else 4.9)
        axes = fig.subplots()
        style.head(fig, title)
        if frame.empty:
            style.say_empty(axes, "no measurements")
            return fig
        table = frame.pivot_table(index="strength", columns="radius", values="log_ratio")
        radii, strengths = (np.asarray(places, np.float64) for places in (table.columns, table.index))
        _draw_cells(fig, axes, table, radii, strengths)
        places = np.linspace(*axes.get_xlim(), 200)
        places = places[places >= 0]
        axes.plot(places, predicted(places), color=style.INK, lw=2, label=r"predicted critical $\beta$")
        _draw_crossings(axes, frame)
        axes.set(xlabel=r"radius $\varepsilon$ of the perturbation of a patch", xticks=radii)
        axes.set(ylabel=r"strength $\beta$ of the non-robust feature")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.4g}")
        axes.grid(False)
        fig.legend(loc="outside lower center", ncols=3, handlelength=1.6)
    return fig


def edges(centres: FloatArray) -> FloatArray:
    """Borders of the cells around increasing centres: half-way between them, and as far beyond the outer ones."""
    if len(centres) == 1:
        return centres[0] + np.array([-0.05, 0.05])
    middle = (centres[:-1] + centres[1:]) / 2
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


def _draw_cells(fig: Figure, axes: Axes, table: pd.DataFrame, radii: FloatArray, strengths: FloatArray) -> None:
    """Draw the heat map and its bar of colours, centred at 0; cells that were not measured stay white."""
    values = table.to_numpy(np.float64)
    limit = np.max(np.abs(values), where=np.isfinite(values), initial=0.0) or 1.0
    cells = axes.pcolormesh(
        edges(radii),
        edges(strengths),
        np.clip(values, -limit, limit),
        cmap=sns.blend_palette([style.ROBUST, "#f4f4f4", style.CLEAN], as_cmap=True),
        vmin=-limit,
        vmax=limit,
        rasterized=True,  # as pixels also in the SVG, where seams between cells would show
    )
    # Set now: a curve or an interval that leaves the measured strengths must not shrink the diagram.
    axes.set(xlim=edges(radii)[[0, -1]], ylim=edges(strengths)[[0, -1]])
    bar = fig.colorbar(cells, ax=axes, pad=0.02)
    bar.set_label("ln(non-robust / robust alignment)")
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]


def _draw_crossings(axes: Axes, frame: pd.DataFrame) -> None:
    """Draw the mean over seeds of their crossings at every radius, with its interval where there is one."""
    labels = {True: "measured, mean over seeds", False: "not all seeds cross"}
    for radius, rows in frame.groupby("radius"):
        found = np.array(
            [crossing(one["strength"].to_numpy(), one["log_ratio"].to_numpy()) for _, one in rows.groupby("seed")]
        )
        passed = found[~np.isnan(found)]
        if not passed.size:
            continue
        whole = len(passed) == len(found)
        half = (mean_interval(passed)[1] - passed.mean()) if len(passed) > 1 else 0.0
        axes.errorbar(
            float(radius),  # pyright: ignore[reportArgumentType]
            passed.mean(),
            yerr=half,
            fmt="o",
            color=style.INK,
            mfc=style.INK if whole else "white",
            ms=6,
            mew=1.3,
            elinewidth=1.5,
            capsize=4,
            zorder=3,
            label=labels.pop(whole, None),
        )

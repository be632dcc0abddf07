"""How far training turns the filters: angles between initial, clean and robust filters, layer by layer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from purifyjax.plots import style

PAIRS = {
    "init-clean": ("initial and clean", style.CLEAN),
    "init-robust": ("initial and robust", style.ROBUST),
    "clean-robust": ("clean and robust", style.THIRD),
}
_OTHER = sns.color_palette("colorblind").as_hex()[4]
_EDGES = np.linspace(0, 180, 37)
_REFERENCES = {90: ("90°: no correlation", (0, (4, 3))), 45: ("45°: as much in common as not", (0, (1, 1.2)))}


def figure(table: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw histograms of the angles between matching filters, a row a layer and a column a pair of nets.

    Bars are the mean over seeds of the share of the seed's filters, the whiskers on them run from the lowest to the
    highest seed. The text says the mean angle, as the mean over seeds of the seeds' means, which the solid line marks,
    and the lowest and highest seed's.

    Args:
      table: a row per seed, architecture, layer, pair and filter, with columns of these names and `angle` (degrees, 0
        to 180). Architectures and layers are drawn in the order in which they first come; "/kernel" at the end of a
        layer's name is left out. Pairs are two names with a hyphen between, such as "init-clean" or "clean-scratch".
        What is NaN is left out.
      title: heading of the figure.

    Raises:
      ValueError: a column is missing.
    """
    style.require_columns(table, "seed", "architecture", "layer", "pair", "filter", "angle")
    rows = table.dropna(subset=["angle"])
    layers = list(dict.fromkeys(zip(rows["architecture"], rows["layer"], strict=True)))
    present = list(dict.fromkeys(rows["pair"]))
    pairs = [*(pair for pair in PAIRS if pair in present), *(pair for pair in present if pair not in PAIRS)]
    with style.theme():
        fig = style.new_figure(1.4 + 2.4 * max(len(pairs), 1), 1.5 + 1.6 * max(len(layers), 1))
        style.head(fig, title)
        if not layers:
            style.say_empty(fig.subplots(), "no angles")
            return fig
        panels = fig.subplots(len(layers), len(pairs), squeeze=False, sharex=True, sharey="row")
        for line, (architecture, layer) in zip(panels, layers, strict=True):
            for axes, pair in zip(line, pairs, strict=True):
                here = (rows["architecture"] == architecture) & (rows["layer"] == layer) & (rows["pair"] == pair)
                _draw(axes, rows.loc[here], PAIRS.get(pair, ("", _OTHER))[1])
            line[0].set_ylabel("\n".join([architecture, *layer.removesuffix("/kernel").split("/")]), fontsize=9.5)
            # A third of each panel stays free above the bars for the text.
            line[0].set_ylim(0, 1.5 * max(axes.dataLim.y1 for axes in line))
            style.percent_ticks(line[0].yaxis, 5)
        for axes, pair in zip(panels[0], pairs, strict=True):
            axes.set_title(PAIRS.get(pair, (pair.replace("-", " and ").replace("init ", "initial "), ""))[0])
        for axes in panels[-1]:
            axes.set(xlim=(0, 180), xticks=range(0, 181, 45), xlabel="angle in degrees")
        fig.align_ylabels(panels[:, 0])
        fig.supylabel("share of filters", fontsize=11)
        keys = [Line2D([], [], color=style.INK, lw=1.5, label="mean over filters and seeds")]
        keys += [
            Line2D([], [], color=style.MUTED, lw=1.2, ls=dashes, label=label) for label, dashes in _REFERENCES.values()
        ]
        fig.legend(handles=keys, loc="outside lower center", ncols=3)
    return fig


def _draw(axes: Axes, rows: pd.DataFrame, colour: str) -> None:
    for angle, (_, dashes) in _REFERENCES.items():
        axes.axvline(angle, color=style.MUTED, lw=1.2, ls=dashes, zorder=1)
    if rows.empty:
        style.say_empty(axes, "not measured")
        return
    seeds = [one["angle"].to_numpy(np.float64) for _, one in rows.groupby("seed")]
    shares = np.stack([np.histogram(one, _EDGES)[0] / len(one) for one in seeds])
    centres, some = (_EDGES[:-1] + _EDGES[1:]) / 2, shares.max(axis=0) > 0
    axes.stairs(shares.mean(axis=0), _EDGES, color=colour, fill=True, alpha=0.75)
    if len(seeds) > 1:
        axes.vlines(centres[some], shares.min(axis=0)[some], shares.max(axis=0)[some], color=style.MUTED, lw=0.9)
    means = [one.mean() for one in seeds]
    axes.axvline(float(np.mean(means)), color=style.INK, lw=1.5, zorder=3)
    spread = f"\n{min(means):.1f} to {max(means):.1f}" if len(seeds) > 1 else ""
    right = np.mean(means) < 90
    axes.text(
        0.97 if right else 0.03,
        0.95,
        f"mean {np.mean(means):.1f}°{spread}",
        transform=axes.transAxes,
        ha="right" if right else "left",
        va="top",
        fontsize=9.5,
        linespacing=1.4,
    )

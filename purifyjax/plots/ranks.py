"""Accuracy after adversarial training by the rank of its update of the clean weights."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from purifyjax.plots import style


def figure(frame: pd.DataFrame, *, within: float = 0.02, title: str = "") -> Figure:
    """Draw clean and robust accuracy against the rank, and below it how far each rank stays behind; a column a net.

    Curves are means over seeds, bands reach from the lowest to the highest seed. The net before the update stands at
    rank 0, apart from the curve. The line above is the unrestricted update's robust accuracy; the strip below shows
    by how many points each rank stays behind it, seed by seed on the same points, and how far it may.

    Args:
      frame: a row per seed, net and rank, with columns `seed`, `net`, `rank` (0 before the update), `full` (whether the
        update is unrestricted), `clean`, `robust` (points right, and right under attack) and `points`.
      within: how far behind, as a fraction of the points, still counts as equal.
      title: heading of the figure.

    Raises:
      ValueError: a column is missing.
    """
    if not frame.empty:
        style.require_columns(frame, "seed", "net", "rank", "full", "clean", "robust", "points")
    nets = [] if frame.empty else list(dict.fromkeys(frame["net"]))
    with style.theme():
        fig = style.new_figure(1.4 + 3.9 * max(len(nets), 1), 5.4 if title else 5.1)
        style.head(fig, title)
        if not nets:
            style.say_empty(fig.subplots(), "no measurements")
            return fig
        panels = fig.subplots(2, len(nets), squeeze=False, sharex="col", sharey="row", height_ratios=(1.7, 1))
        for above, below, net in zip(*panels, nets, strict=True):
            _draw(above, below, frame.loc[frame["net"] == net], within)
            above.set_title(str(net))
            below.set_xlabel("rank of the update")
        panels[0, 0].set(ylim=(-0.03, 1.03), ylabel="accuracy")
        low, high = panels[1, 0].get_ylim()
        panels[1, 0].set_ylim(min(low, -within / 4), max(high, 1.5 * within))
        panels[1, 0].set_ylabel("behind the\nunrestricted")
        for axes in panels[:, 0]:
            style.percent_ticks(axes.yaxis, 5)
        fig.align_ylabels(panels[:, 0])
        handles, labels = panels[0, 0].get_legend_handles_labels()
        fig.legend(handles, labels, loc="outside lower center", ncols=min(len(nets) + 1, 3), handlelength=1.6)
    return fig


def _draw(above: Axes, below: Axes, rows: pd.DataFrame, within: float) -> None:
    share = rows[["clean", "robust"]].div(rows["points"], axis=0).assign(seed=rows["seed"], rank=rows["rank"])
    full = share.loc[rows["full"]].set_index("seed")["robust"]
    bounded = share.loc[~rows["full"] & (rows["rank"] > 0)]
    before = share.loc[rows["rank"] == 0]
    # On a logarithmic axis 0 has no place: it gets one left of the smallest rank.
    lowest = bounded["rank"].min() if len(bounded) else 1
    zero = lowest / 2
    for column, colour in (("clean", style.ACCENT), ("robust", style.ROBUST)):
        _curve(above, bounded, column, colour, f"{column} accuracy")
        ends = before[column]
        above.errorbar(
            zero,
            ends.mean(),
            yerr=[[ends.mean() - ends.min()], [ends.max() - ends.mean()]],
            fmt="o",
            color=colour,
            mfc="white",
            ms=5,
            mew=1.5,
        )
    above.axhline(full.mean(), color=style.INK, lw=1.4, ls=(0, (4, 3)), label="robust, unrestricted update")
    gap = bounded.assign(gap=bounded["seed"].map(full) - bounded["robust"])
    _curve(below, gap, "gap", style.ROBUST, "")
    below.axhspan(0, within, color=style.MUTED, alpha=0.12, lw=0)
    below.axhline(0, color=style.INK, lw=1.4, ls=(0, (4, 3)))
    ranks = sorted(bounded["rank"].unique())
    below.set_xscale("log", base=2)
    below.set_xticks([zero, *ranks], ["0", *(str(rank) for rank in ranks)])
    below.xaxis.set_minor_locator(NullLocator())
    below.set_xlim(zero / 1.4, max([lowest, *ranks]) * 1.4)


def _curve(axes: Axes, rows: pd.DataFrame, column: str, colour: str, label: str) -> None:
    curve = rows.groupby("rank")[column].agg(["mean", "min", "max"])
    axes.fill_between(curve.index, curve["min"], curve["max"], color=colour, alpha=0.2, lw=0)
    axes.plot(curve.index, curve["mean"], "o-", color=colour, lw=2, ms=4, label=label)

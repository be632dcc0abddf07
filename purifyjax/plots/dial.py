"""The threshold as a dial: what the same weights do from the linear through the selective to the deaf regime."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from purifyjax.plots import style

# Net and change, the words for it, its colour and its line.
KINDS = (
    (("clean", "none"), "clean net", style.CLEAN, "-"),
    (("clean", "mixture out"), "clean net, mixture out", style.CLEAN, "--"),
    (("robust", "none"), "robust net", style.ROBUST, "-"),
    (("robust", "mixture in"), "robust net, mixture in", style.ROBUST, "--"),
)
PANELS = (
    ("clean_accuracy", "clean accuracy"),
    ("robust_accuracy", "accuracy at τ"),
    ("fires_present", "Pr[fires | feature present]"),
    ("fires_absent", "Pr[fires | feature absent]"),
    ("linear", "linear R²"),
)


def figure(frame: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw a panel a quantity against the threshold c: lines are means over seeds, bands run over all seeds.

    Args:
      frame: a row per seed, net and threshold, with columns `net`, `change` ("none" for the net as it was trained),
        `c` and the quantities of `PANELS`, all shares.
      title: heading of the figure.

    Raises:
      ValueError: a column is missing.
    """
    style.require_columns(frame, "net", "change", "c", *(name for name, _ in PANELS))
    with style.theme():
        fig = style.new_figure(13.0, 3.9 if title else 3.6)
        panels = fig.subplots(1, len(PANELS), sharex=True)
        for axes, (name, words) in zip(panels, PANELS, strict=True):
            for (net, change), label, colour, line in KINDS:
                rows = frame[(frame["net"] == net) & (frame["change"] == change)]
                if rows.empty:
                    continue
                found = rows.groupby("c")[name].agg(["mean", "min", "max"])
                axes.plot(found.index, found["mean"], line, color=colour, label=label, lw=1.8)
                axes.fill_between(found.index, found["min"], found["max"], color=colour, alpha=0.15, lw=0)
            axes.set(title=words, ylim=(-0.02, 1.02), xlabel="threshold c in sd")
            style.percent_ticks(axes.yaxis)
        panels[0].set_ylabel("share")
        fig.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(KINDS))
        style.head(fig, title)
    return fig

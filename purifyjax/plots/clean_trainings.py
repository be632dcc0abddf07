"""Robust accuracy of clean nets against the sample's size, the weight decay and the optimiser."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from purifyjax.plots import style

AXES = (("sample size", "sample size N"), ("weight decay", "weight decay λ"), ("optimiser", "optimiser"))


def figure(frame: pd.DataFrame, *, radius: float, bound: float, title: str = "") -> Figure:
    """Draw a panel an axis: accuracy at τ and clean accuracy, mean and range over seeds.

    Args:
      frame: a row per seed and training, with columns `axis` (of `AXES`), `training` (its name), `value` (a number,
        infinite at the axis' far end, or NaN for names alone) and the counts `clean`, `robust` of `points`.
      radius: τ, for the legend.
      bound: of robust accuracy, drawn as a line.
      title: heading of the figure.

    Raises:
      ValueError: a column is missing.
    """
    style.require_columns(frame, "axis", "training", "value", "clean", "robust", "points")
    with style.theme():
        fig = style.new_figure(10.5, 3.8)
        panels = fig.subplots(1, len(AXES), sharey=True)
        for axes, (axis, words) in zip(panels, AXES, strict=True):
            rows = frame[frame["axis"] == axis].sort_values("value", kind="stable")
            names = list(dict.fromkeys(rows["training"]))
            place = np.arange(len(names))
            for column, colour, label in (
                ("clean", style.ACCENT, "clean accuracy"),
                ("robust", style.CLEAN, rf"accuracy at $\tau = {radius:.3g}$"),
            ):
                share = (rows[column] / rows["points"]).groupby(rows["training"]).agg(["mean", "min", "max"])
                share = share.reindex(names)
                reach = np.abs(share[["min", "max"]].to_numpy().T - share["mean"].to_numpy()[None])
                line = "none" if rows["value"].isna().all() else "-"
                axes.errorbar(place, share["mean"], reach, color=colour, ls=line, marker="o", capsize=3, label=label)
            axes.axhline(bound, color=style.MUTED, lw=1.0, ls=(0, (4, 3)), label=f"bound {bound:.0%}")
            axes.set(title=words, ylim=(-0.03, 1.04), xlim=(-0.4, len(names) - 0.6))
            axes.set_xticks(place, names, rotation=20)
            style.percent_ticks(axes.yaxis)
        panels[0].set_ylabel("accuracy")
        fig.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
        style.head(fig, title)
    return fig

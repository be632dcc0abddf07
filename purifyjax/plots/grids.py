"""Numbers of a grid of settings: lines against one setting, or a map over two."""

from __future__ import annotations

from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from purifyjax.plots import style


def lines(frame: pd.DataFrame, x: str, y: str, hue: str | None = None, *, log: bool = False, title: str = "") -> Figure:
    """A line of means over seeds against a setting, with their 95% intervals; a line a value of another setting.

    Args:
      frame: a row a cell, with columns of these names.
      x, hue: settings.
      y: the number drawn.
      log: whether both axes are logarithmic: exponents are slopes then.

    Raises:
      ValueError: a column is missing.
    """
    style.require_columns(frame, *filter(None, (x, y, hue)))
    with style.theme():
        fig = style.new_figure(6.4, 4.2)
        axes = fig.subplots()
        values = None if hue is None else sorted(frame[hue].unique())
        palette = None if values is None else sns.color_palette("viridis", len(values))
        about: dict[str, Any] = (
            {"hue": hue, "hue_order": values, "palette": palette} if hue is not None else {"color": style.CLEAN}
        )
        sns.lineplot(frame, x=x, y=y, marker="o", errorbar=("ci", 95), seed=0, legend="full", ax=axes, **about)
        if log:
            axes.set(xscale="log", yscale="log")
        if hue is not None:
            style.legend_above(axes, min(6, len(values or ())))
        style.head(fig, title)
    return fig


def heat(frame: pd.DataFrame, x: str, y: str, value: str, *, title: str = "") -> Figure:
    """A number's mean over seeds, as a map over two settings.

    Args:
      frame: a row a cell, with columns of these names.
      x, y: settings, to the right and upwards.
      value: the number drawn.

    Raises:
      ValueError: a column is missing.
    """
    style.require_columns(frame, x, y, value)
    means = frame.pivot_table(index=y, columns=x, values=value, aggfunc="mean").sort_index(ascending=False)
    with style.theme():
        fig = style.new_figure(1.6 + 0.62 * max(4, means.shape[1]), 1.6 + 0.42 * max(4, means.shape[0]))
        axes = fig.subplots()
        few = means.size <= 150
        sns.heatmap(means, annot=few, fmt=".2g", cmap="viridis", cbar_kws={"label": value}, ax=axes)
        axes.tick_params(axis="y", rotation=0)
        style.head(fig, title)
    return fig

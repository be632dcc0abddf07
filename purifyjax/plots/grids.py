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


def heat(
    frame: pd.DataFrame,
    x: str,
    y: str,
    value: str,
    *,
    level: float | None = None,
    predicted: str | None = None,
    title: str = "",
) -> Figure:
    """A number's mean over seeds, as a map over two settings, with the boundary of a level as measured and predicted.

    Args:
      frame: a row a cell, with columns of these names.
      x, y: settings, to the right and upwards.
      value: the number drawn.
      level: drawn as a line around where the mean is above it.
      predicted: of the frame's columns, drawn as a dashed line around where its mean is above 0.

    Raises:
      ValueError: a column is missing.
    """
    style.require_columns(frame, x, y, value, *filter(None, (predicted,)))

    def means(column: str) -> pd.DataFrame:
        return frame.pivot_table(index=y, columns=x, values=column, aggfunc="mean").sort_index(ascending=False)

    shown = means(value)
    rows, columns = shown.shape
    with style.theme():
        fig = style.new_figure(1.6 + 0.62 * max(4, columns), 1.6 + 0.42 * max(4, rows))
        axes = fig.subplots()
        few = shown.size <= 150
        sns.heatmap(shown, annot=few, fmt=".2g", cmap="viridis", cbar_kws={"label": value}, ax=axes)
        centres = [place + 0.5 for place in range(columns)], [place + 0.5 for place in range(rows)]
        lines = ((shown, level, "solid"), (None if predicted is None else means(predicted), 0.0, "dashed"))
        for table, bound, dashes in lines:
            if table is None or bound is None or min(rows, columns) < 2:
                continue
            if table.min().min() < bound < table.max().max():
                axes.contour(*centres, table, levels=[bound], colors="white", linestyles=dashes, linewidths=2.0)
        axes.tick_params(axis="y", rotation=0)
        style.head(fig, title)
    return fig


def agreement(frame: pd.DataFrame, by: list[str], value: str, level: float, predicted: str) -> float:
    """Share of the settings whose mean is on the predicted side of the level.

    Args:
      frame: a row a cell.
      by: the settings.
      predicted: a column, above 0 where `value` is predicted to be above `level`.
    """
    means = frame.groupby(by)[[value, predicted]].mean()
    return float(((means[value] > level) == (means[predicted] > 0)).mean())

"""Radii against the dimension, and their exponents against that of k."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from purifyjax.plots import style

_COLOURS = {"linear": style.THIRD, "clean": style.CLEAN, "robust": style.ROBUST, "gap": style.INK}
_LABELS = {"linear": "linear", "clean": "after clean training", "robust": "after adversarial training"}


def radii(frame: pd.DataFrame, title: str = "") -> Figure:
    """A panel an exponent a: the three radii against d, on logarithmic axes.

    Args:
      frame: a row a net, with columns `exponent`, `dimension`, `radius_linear`, `radius_clean`, `radius_robust`.

    Raises:
      ValueError: a column is missing.
    """
    style.require_columns(frame, "exponent", "dimension", *(f"radius_{net}" for net in _LABELS))
    panels = sorted(frame["exponent"].unique())
    with style.theme():
        fig = style.new_figure(3.4 * len(panels), 3.6)
        grid = fig.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, exponent in zip(grid, panels, strict=True):
            rows = frame[frame["exponent"] == exponent]
            for net, label in _LABELS.items():
                means = np.exp(np.log(rows.set_index("dimension")[f"radius_{net}"]).groupby(level=0).mean())
                axes.plot(means.index, means, color=_COLOURS[net], label=label)
                axes.plot(rows["dimension"], rows[f"radius_{net}"], ".", color=_COLOURS[net], alpha=0.45, ms=4)
            axes.set(xscale="log", yscale="log", xlabel="$d$", title=f"$k \\sim d^{{{exponent:g}}}$")
            ticks = sorted(rows["dimension"].unique())
            axes.set_xticks(ticks, [f"{d}" for d in ticks])
            axes.minorticks_off()
        grid[0].set_ylabel(r"$\ell_2$ radius where half of the points fall")
        grid[0].legend(frameon=False, loc="lower left", fontsize="small")
        style.head(fig, title)
    return fig


def exponents(frame: pd.DataFrame, predicted: Mapping[str, Callable[[float], float]], title: str = "") -> Figure:
    """Fitted exponents with their intervals against the exponent of k, over the predicted lines.

    Args:
      frame: a row a fit, with columns `kind`, `label`, `a`, `slope`, `low`, `high`.
      predicted: kind -> the exponent as a function of a.

    Raises:
      ValueError: a column is missing.
    """
    style.require_columns(frame, "kind", "label", "a", "slope", "low", "high")
    with style.theme():
        fig = style.new_figure(6.0, 4.2)
        axes = fig.subplots()
        line = np.linspace(0.3, 0.52, 50)
        for kind, rows in frame.groupby("kind", sort=False):
            colour = _COLOURS[str(kind)]
            axes.plot(line, [predicted[str(kind)](a) for a in line], color=colour, lw=1.0, ls=(0, (3, 2)))
            ends = np.abs(rows[["low", "high"]].to_numpy().T - rows["slope"].to_numpy())
            axes.errorbar(rows["a"], rows["slope"], ends, color=colour, fmt="o", capsize=3, label=rows["label"].iloc[0])
        axes.axhline(0.0, color=style.MUTED, lw=0.6)
        axes.set(xlabel="exponent $a$ of $k$ in $d$", ylabel="exponent in $d$")
        style.legend_above(axes, 2)
        style.head(fig, title)
    return fig

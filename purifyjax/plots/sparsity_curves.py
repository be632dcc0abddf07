"""How many filters rebuild an image or a perturbation: error of sparse reconstructions against their atoms."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from purifyjax.plots import style

FILTERS = {
    "initial": ("initial filters", style.MUTED, "^"),
    "clean": ("after clean training", style.CLEAN, "o"),
    "robust": ("after adversarial training", style.ROBUST, "D"),
    "scratch": ("after adversarial training from scratch", style.THIRD, "s"),
}


def figure(table: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw the relative ℓ2 error of the reconstruction against the number of atoms, a panel a signal.

    Every seed counts with its mean over the signals. Lines are means over seeds, bands reach from the lowest to the
    highest seed.

    Args:
      table: a row per seed, filters, signal and number of atoms, or several of them (one a picture), with columns
        `seed`, `filters` ("initial", "clean", "robust" or "scratch": whose first layer is the dictionary), `signal`
        ("images", "perturbations of the clean net" and so on, in the order of their names), `atoms` and `error`
        (‖x − x_s‖/‖x‖). What is NaN is left out.
      title: heading of the figure.

    Raises:
      ValueError: a column is missing.
    """
    style.require_columns(table, "seed", "filters", "signal", "atoms", "error")
    rows = table.dropna(subset=["error"])
    signals = sorted(set(rows["signal"]))
    with style.theme():
        fig = style.new_figure(1.2 + 3.2 * max(len(signals), 1), 4.1 if title else 3.8)
        style.head(fig, title)
        if not signals:
            style.say_empty(fig.subplots(), "no reconstructions")
            return fig
        panels = fig.subplots(1, len(signals), squeeze=False, sharex=True, sharey=True)[0]
        for axes, signal in zip(panels, signals, strict=True):
            _draw(axes, rows.loc[rows["signal"] == signal])
            axes.set(title=signal, xlabel="number of atoms")
            style.round_ticks(axes.xaxis, 6)
        panels[0].set_ylabel("relative $\\ell_2$ error\nof the reconstruction")
        panels[0].set_ylim(bottom=0)
        keys = {label: line for axes in panels for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
        fig.legend(keys.values(), keys.keys(), loc="outside lower center", ncols=len(keys), handlelength=1.6)
    return fig


def _draw(axes: Axes, rows: pd.DataFrame) -> None:
    for filters, (label, colour, marker) in FILTERS.items():
        seeds = rows.loc[rows["filters"] == filters].groupby(["atoms", "seed"])["error"].mean()
        curve = seeds.groupby("atoms").agg(["mean", "min", "max"])
        if len(curve):
            axes.fill_between(curve.index, curve["min"], curve["max"], color=colour, alpha=0.2, lw=0)
            axes.plot(curve.index, curve["mean"], color=colour, lw=1.8, marker=marker, ms=4, label=label)

"""Which component of images a network uses, through standard and adversarial training."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from purifyjax.plots import style

_PANELS = {"clean": "standard training", "robust": "adversarial training"}
_LINES = {
    "accuracy": ("whole image", style.MUTED, (0, (4, 2))),
    "robust_part": ("robust part alone", style.ROBUST, "-"),
    "nonrobust_part": ("non-robust part alone", style.CLEAN, "-"),
}


def figure(frame: pd.DataFrame, *, classes: int | None = None, title: str = "") -> Figure:
    """Draw test accuracy on whole images and on either part alone against the step, a panel a training.

    Lines are means over seeds, bands reach from the lowest to the highest seed.

    Args:
      frame: a row per seed, net ("clean" for standard, "robust" for adversarial training) and step, with columns
        `seed`, `net`, `step`, `accuracy`, `robust_part` and `nonrobust_part` (fractions).
      classes: their number, for the line at chance; None draws none.
      title: heading of the figure.

    Raises:
      ValueError: a column is missing.
    """
    style.require_columns(frame, "seed", "net", "step", *_LINES)
    with style.theme():
        fig = style.new_figure(9.6, 4.2)
        panels = fig.subplots(1, 2, sharex=True, sharey=True)
        for axes, (net, words) in zip(panels, _PANELS.items(), strict=True):
            _draw(axes, frame[frame["net"] == net], classes)
            axes.set(xlabel="training step", ylim=(-0.03, 1.03))
            axes.set_title(words)
        panels[0].set_ylabel("accuracy on test images")
        style.percent_ticks(panels[0].yaxis)
        handles, labels = panels[0].get_legend_handles_labels()
        if not handles:
            handles, labels = panels[1].get_legend_handles_labels()
        if handles:
            fig.legend(handles, labels, loc="outside lower center", ncols=len(handles))
        style.head(fig, title)
    return fig


def _draw(axes: Axes, frame: pd.DataFrame, classes: int | None) -> None:
    if frame.empty:
        style.say_empty(axes, "not trained")
        return
    for column, (label, colour, dashes) in _LINES.items():
        curve = frame.groupby("step")[column].agg(["mean", "min", "max"]).reset_index()
        axes.fill_between(curve["step"], curve["min"], curve["max"], color=colour, alpha=0.2, lw=0)
        axes.plot(curve["step"], curve["mean"], color=colour, lw=1.8, ls=dashes, label=label)
    if classes is not None:
        axes.axhline(1 / classes, color=style.MUTED, lw=1.0, ls=":", label="chance")
    axes.set_xlim(frame["step"].min(), frame["step"].max())

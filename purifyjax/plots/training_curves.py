"""Loss and accuracies through clean and then adversarial training."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from purifyjax.plots import style


def figure(frame: pd.DataFrame, *, radius: float | None = None, title: str = "") -> Figure:
    """Draw the loss (upper panel) and clean and robust accuracy (lower panel) against the step.

    Lines are means over seeds, bands reach from the lowest to the highest seed. The vertical line is
    where adversarial training starts from the clean weights.

    Args:
      frame: a row per seed and step, with columns `seed`, `stage` ("clean" or "robust"), `step` (runs
        on through both stages), `loss`, `clean_accuracy` and `robust_accuracy` (fractions; NaN where
        they were not measured).
      radius: ℓ2 radius of the robust accuracy, for the legend.
      title: heading of the figure.

    Raises:
      ValueError: a column is missing.
    """
    columns = ("loss", "clean_accuracy", "robust_accuracy")
    style.require_columns(frame, "seed", "stage", "step", *columns)
    at_radius = "" if radius is None else rf" at $\tau = {radius:.3g}$"
    with style.theme():
        fig = style.new_figure(8.4, 5.6)
        upper, lower = fig.subplots(2, 1, sharex=True, height_ratios=(1, 1.3))
        draw_stages(upper, frame, "loss", style.INK, "training loss")
        draw_stages(lower, frame, "clean_accuracy", style.ACCENT, "clean accuracy")
        draw_stages(lower, frame, "robust_accuracy", style.ROBUST, f"robust accuracy{at_radius}")
        if upper.lines:
            upper.set_yscale("log")
        upper.set(ylabel="training loss")
        lower.set(ylabel="accuracy", xlabel="training step", ylim=(-0.03, 1.04))
        style.percent_ticks(lower.yaxis)
        style.legend_above(lower, 2)
        mark_switch(upper, lower, frame)
        style.head(fig, title)
    return fig


def draw_stages(axes: Axes, frame: pd.DataFrame, column: str, colour: str, label: str) -> None:
    """A column against the step: mean and range over seeds, a line a stage."""
    measured = frame.dropna(subset=[column])
    if measured.empty:
        return
    # Stage by stage: no line may bridge the switch, where the losses are of different problems.
    for stage, rows in measured.groupby("stage", sort=True):
        curve = rows.groupby("step")[column].agg(["mean", "min", "max"]).reset_index()
        axes.fill_between(curve["step"], curve["min"], curve["max"], color=colour, alpha=0.2, lw=0)
        first = stage == measured["stage"].min()
        axes.plot(curve["step"], curve["mean"], color=colour, lw=1.8, label=label if first else None)


def mark_switch(upper: Axes, lower: Axes, frame: pd.DataFrame) -> None:
    """Name the two stages above the panels, with a line between them."""
    steps = frame["step"].to_numpy()
    if not np.ptp(steps) > 0:
        return
    first, last = steps.min(), steps.max()
    lower.set_xlim(first, last)
    clean, robust = (steps[frame["stage"] == stage] for stage in ("clean", "robust"))
    # A run that starts from stored clean weights has no clean stage.
    switch = first if not clean.size else last if not robust.size else (clean.max() + robust.min()) / 2
    if first < switch < last:
        for axes in (upper, lower):
            axes.axvline(switch, color=style.MUTED, lw=1.2, ls=(0, (4, 3)))
    for words, start, end in (("clean training", first, switch), ("adversarial training", switch, last)):
        if end > start:
            upper.annotate(
                words,
                ((start + end) / 2, 1),
                xycoords=("data", "axes fraction"),
                xytext=(0, 5),
                textcoords="offset points",
                ha="center",
                color=style.MUTED,
            )

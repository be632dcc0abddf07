"""The dense mixture through training: its birth under clean training, its death under adversarial training."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from purifyjax.plots import style
from purifyjax.plots.training_curves import draw_stages, mark_switch


def figure(frame: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw C (upper panel) and the sizes of feature and mixture (lower panel) of the median neuron against the step.

    Args:
      frame: a row per seed and step, with columns `seed`, `stage` ("clean" or "robust"), `step` (runs on through
        both stages), `mixture` (C), `feature` (|c|) and `dense` (a, the mixture's coefficient on w*).
      title: heading of the figure.

    Raises:
      ValueError: a column is missing.
    """
    style.require_columns(frame, "seed", "stage", "step", "mixture", "dense", "feature")
    with style.theme():
        fig = style.new_figure(8.4, 5.6)
        upper, lower = fig.subplots(2, 1, sharex=True)
        draw_stages(upper, frame, "mixture", style.CLEAN, "mixture coefficient C")
        draw_stages(lower, frame, "feature", style.ACCENT, "feature |c|")
        draw_stages(lower, frame, "dense", style.CLEAN, "mixture, on every coordinate: a")
        upper.axhline(0.0, color=style.MUTED, lw=0.8)
        upper.set(ylabel="median C")
        lower.set(ylabel="median size", xlabel="training step")
        lower.set_yscale("symlog", linthresh=1e-3)
        style.legend_above(lower, 2)
        mark_switch(upper, lower, frame)
        style.head(fig, title)
    return fig

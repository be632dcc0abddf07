"""Whose perturbations fool whom: accuracy of every seed's net under every other seed's perturbations."""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from purifyjax.plots import style

TITLES = {"clean": "clean nets", "robust": "robust nets", "clean to robust": "from clean to robust nets"}
_MOST_NUMBERS = 10  # seeds a side; beyond that numbers no longer fit their cells


def figure(frame: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw one heat map a kind of net: rows are the nets that perturbations were found on, columns their targets.

    The diagonal is the attack on the net itself. All maps share one scale of colours, from the clean nets' colour
    at 0% to the robust nets' at 100%.

    Args:
      frame: a row per pair, with columns `net` ("clean", "robust", "clean to robust"), `source`, `target` (seeds),
        `correct` (examples that the target still gets right) and `points` (examples).
      title: heading of the figure.

    Raises:
      ValueError: a column is missing, or there are no rows.
    """
    style.require_columns(frame, "net", "source", "target", "correct", "points")
    nets = [net for net in TITLES if (frame["net"] == net).any()]
    if not nets:
        raise ValueError("the frame has no pairs of seeds")
    seeds = frame["target"].nunique()
    colours = sns.blend_palette([style.CLEAN, "#f4f4f4", style.ROBUST], as_cmap=True)
    with style.theme():
        fig = style.new_figure(3.2 * len(nets) + 1.0, 3.9 if title else 3.6)
        panels = fig.subplots(1, len(nets), squeeze=False)[0]
        for axes, net in zip(panels, nets, strict=True):
            rows = frame.loc[frame["net"] == net]
            share = rows.assign(percent=100 * rows["correct"] / rows["points"])
            table = share.pivot(index="source", columns="target", values="percent")
            sns.heatmap(
                table,
                ax=axes,
                vmin=0,
                vmax=100,
                cmap=colours,
                square=True,
                cbar=False,
                annot=table.map("{:.1f}%".format) if seeds <= _MOST_NUMBERS else False,
                fmt="",
                linewidths=1,
                linecolor="white",
                annot_kws={"fontsize": 10},
            )
            axes.set(title=TITLES[net], xlabel="tried on seed", ylabel="found on seed" if net == nets[0] else "")
            axes.tick_params(length=0, rotation=0)
            axes.grid(False)
        bar = fig.colorbar(panels[0].collections[0], ax=list(panels), shrink=0.75, pad=0.02)
        bar.set_label("accuracy in %")
        bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
        style.head(fig, title)
    return fig

"""Which feature the filters of a patch network learn, through standard and through adversarial training."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from purifyjax.plots import style

TITLES = {"clean": "standard training", "robust": "adversarial training"}
# Each feature has the colour of the training that is expected to learn it.
FEATURES = {
    "robust": (r"robust feature, $\langle w, u_c\rangle$", style.ROBUST),
    "nonrobust": (r"non-robust feature, $\langle w, v_c\rangle$", style.CLEAN),
}


def figure(frame: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw max_r ⟨w_{c,r}, u_c⟩ and max_r ⟨w_{c,r}, v_c⟩ against the step, standard training left, adversarial right.

    Every seed counts with its mean over the classes c. Lines are means over seeds, bands reach from the lowest to the
    highest seed. The strip below shows the training loss, on a logarithmic scale. A net without rows has no panel.

    Args:
      frame: a row per seed, net, step and class, with columns `seed`, `net` ("clean" or "robust"), `step`, `loss`
        (the same for all classes), `label` (the class), `robust` and `nonrobust` (the largest alignments over the
        filters of the class). What is NaN is left out.
      title: heading of the figure.

    Raises:
      ValueError: a column is missing.

    Source: Li & Li, arXiv 2410.08503, section 4.
    """
    if not frame.empty:
        style.require_columns(frame, "seed", "net", "step", "loss", "label", *FEATURES)
    nets = [] if frame.empty else [net for net in TITLES if (frame["net"] == net).any()]
    with style.theme():
        fig = style.new_figure(1.2 + 4.2 * max(len(nets), 1), 4.9 if title else 4.6)
        if not nets:
            style.say_empty(fig.subplots(), "no alignments")
            style.head(fig, title)
            return fig
        rows = fig.subplots(2, len(nets), squeeze=False, sharex="col", sharey="row", height_ratios=(3.6, 1))
        for above, below, net in zip(*rows, nets, strict=True):
            of_net = frame.loc[frame["net"] == net]
            for column, (label, colour) in FEATURES.items():
                _draw(above, of_net, column, label, colour)
            # A loss that underflowed to zero has no place on a logarithmic scale.
            losses = of_net.loc[of_net["loss"] > 0].groupby("step")["loss"].mean()
            if len(losses):
                below.plot(losses.index, losses, color=style.MUTED, lw=1.1)
                below.set_yscale("log")
            above.set_title(TITLES[net])
            below.set_xlabel("training step")
            for axes in (above, below):
                axes.margins(x=0.02)
            style.round_ticks(below.xaxis, 6)
        rows[0, 0].set_ylabel("largest alignment of a filter,\nmean over classes")
        rows[1, 0].set_ylabel("training\nloss")
        fig.align_ylabels(rows[:, 0])
        handles, labels = rows[0, 0].get_legend_handles_labels()
        fig.legend(handles, labels, loc="outside lower center", ncols=2, handlelength=1.6)
        style.head(fig, title)
    return fig


def _draw(axes: Axes, rows: pd.DataFrame, column: str, label: str, colour: str) -> None:
    seeds = rows.groupby(["step", "seed"])[column].mean()
    curve = seeds.groupby("step").agg(["mean", "min", "max"]).dropna()
    axes.fill_between(curve.index, curve["min"], curve["max"], color=colour, alpha=0.2, lw=0)
    axes.plot(curve.index, curve["mean"], color=colour, lw=2, label=label)

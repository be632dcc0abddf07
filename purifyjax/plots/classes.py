"""Clean against robust accuracy of every model of every class, and each class's best against the radius."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from purifyjax.plots import style

_MARKERS = {"clean": "o", "FGM": "s", "FGM at τ/2": "P", "PGD": "D"}
_OTHER = "^"


def figure(frame: pd.DataFrame, radius: float, *, bound: float | None = None, title: str = "") -> Figure:
    """Left, every trained model at τ; right, the most robust model of each class against the radius.

    Args:
      frame: a row per seed, model and radius, with columns `seed`, `family`, `model`, `training`, `radius`, `clean`,
        `robust` (examples right, and right under attack) and `points`.
      radius: τ, at which the left panel stands.
      bound: an upper bound of the robust accuracy of every linear classifier, drawn as a line.
      title: heading of the figure.

    Raises:
      ValueError: a column is missing, or there are no rows.
    """
    style.require_columns(frame, "seed", "family", "model", "training", "radius", "clean", "robust", "points")
    if frame.empty:
        raise ValueError("the frame has no models")
    rows = frame.assign(clean=frame["clean"] / frame["points"], robust=frame["robust"] / frame["points"])
    families = list(dict.fromkeys(rows["family"]))
    colours = dict(zip(families, sns.color_palette("colorblind", len(families)), strict=True))
    with style.theme():
        fig = style.new_figure(10.0, 4.6)
        left, right = fig.subplots(1, 2)
        here = rows.loc[np.isclose(rows["radius"], radius)]
        for (family, training), group in here.groupby(["family", "training"], sort=False):
            marker = _MARKERS.get(str(training), _OTHER)
            left.scatter(
                group["clean"],
                group["robust"],
                s=34,
                marker=marker,
                color=colours[family],
                alpha=0.7,
                lw=0,
                clip_on=False,
            )
        for family in families:
            best = rows.loc[rows["family"] == family].groupby(["seed", "radius"])["robust"].max()
            curve = best.groupby("radius").agg(["mean", "min", "max"])
            right.plot(curve.index, curve["mean"], "o-", ms=3.5, lw=2, color=colours[family], label=family)
            right.fill_between(curve.index, curve["min"], curve["max"], color=colours[family], alpha=0.15, lw=0)
        if bound is not None:
            left.axhline(bound, color=style.MUTED, lw=1.2, ls=(0, (4, 3)))
            left.annotate(
                f"bound, all linear and quadratic: {100 * bound:.1f}%",
                (0.0, bound),
                xytext=(4, 4),
                textcoords="offset points",
                fontsize=9,
                color=style.MUTED,
            )
        left.set(xlabel="clean accuracy", ylabel=rf"robust accuracy at $\tau = {radius:.3g}$", xlim=(-0.02, 1.02))
        right.axvline(radius, color=style.MUTED, lw=1.2, ls=(0, (4, 3)))
        right.set(xlabel=r"radius of the perturbation ($\ell_2$ norm)", ylabel="best robust accuracy of the class")
        for axes in (left, right):
            axes.set_ylim(-0.03, 1.03)
            style.percent_ticks(axes.yaxis)
        style.percent_ticks(left.xaxis)
        for label, marker in (*_MARKERS.items(), ("no gradient descent", _OTHER)):
            left.scatter([], [], marker=marker, color=style.MUTED, s=34, lw=0, label=label)
        left.legend(title="training", loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, frameon=False)
        right.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, frameon=False)
        style.head(fig, title)
    return fig

"""Best robust accuracy of polynomials against their degree, beside the network."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from purifyjax.plots import style

_DASHED = (0, (4, 3))


def figure(frame: pd.DataFrame, radius: float, *, bound: float | None = None, title: str = "") -> Figure:
    """Draw the best robust accuracy at τ over all polynomials of at most a degree; linear ones count as degree 1.

    A line is the mean over seeds of each seed's best, its band the range over seeds. What is proven stands under it, so
    that the two bound the best model's robust accuracy from both sides.

    Args:
      frame: a row per seed, model and radius, with columns `seed`, `family`, `degree` (NaN for other families),
        `radius`, `robust` (examples right under attack), `certified` (right under every perturbation, or NaN) and
        `points`.
      radius: τ.
      bound: an upper bound of the robust accuracy of every polynomial of degree 1 or 2.
      title: heading of the figure.

    Raises:
      ValueError: a column is missing, or there are no polynomials.
    """
    style.require_columns(frame, "seed", "family", "degree", "radius", "robust", "certified", "points")
    here = frame.loc[np.isclose(frame["radius"], radius)]
    shares = here.assign(robust=here["robust"] / here["points"], certified=here["certified"] / here["points"])
    polynomials, net = shares.loc[shares["degree"].notna()], shares.loc[shares["family"] == "ReLU net"]
    if polynomials.empty:
        raise ValueError("the frame has no polynomials")
    with style.theme():
        fig = style.new_figure(7.4, 4.6)
        axes = fig.subplots()
        if len(net):
            axes.axhspan(net["robust"].min(), net["robust"].max(), color=style.ROBUST, alpha=0.15, lw=0)
            axes.axhline(net["robust"].mean(), color=style.ROBUST, lw=2, label="ReLU net, under attack")
        for column, label, dashes in (("robust", "under attack", "-"), ("certified", "proven", "--")):
            curve = _best_up_to(polynomials, column)
            axes.fill_between(curve.index, curve["min"], curve["max"], color=style.ACCENT, alpha=0.2, lw=0)
            axes.plot(
                curve.index,
                curve["mean"],
                dashes,
                marker="o",
                ms=4.5,
                lw=2,
                color=style.ACCENT,
                label=f"best polynomial, {label}",
            )
        if bound is not None:
            axes.plot(
                [0.75, 2.25], [bound, bound], color=style.INK, lw=1.6, ls=_DASHED, label="bound of degrees 1 and 2"
            )
        axes.set_xticks(sorted(polynomials["degree"].unique()))
        axes.xaxis.set_major_formatter("{x:.0f}")
        axes.set(ylim=(-0.03, 1.03), xlabel="degree at most", ylabel=rf"best robust accuracy at $\tau = {radius:.3g}$")
        style.percent_ticks(axes.yaxis)
        axes.legend(loc="lower right")
        style.head(fig, title)
    return fig


def _best_up_to(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Mean, least and greatest over seeds of each seed's best of at most a degree."""
    best = rows.groupby(["seed", "degree"])[column].max().unstack("degree").cummax(axis=1)
    return best.dropna(axis=1, how="all").agg(["mean", "min", "max"]).T

"""Robust accuracy against the radius, after clean and after adversarial training: attacked, and certified."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from purifyjax.plots import style
from purifyjax.stats import clopper_pearson

_THIN: dict[str, Any] = {"lw": 1.1, "ls": (0, (2, 1.2))}


def figure(
    frame: pd.DataFrame,
    radius: float,
    certificates: pd.DataFrame | None = None,
    *,
    attack: str = "worst",
    weaker: str = "worst-gradient",
    norm: str = "l2",
    limits: tuple[float, float] = (0.01, 0.99),
    title: str = "",
) -> Figure:
    """Draw robust accuracy against the radius of the perturbation, before and after.

    The large panel holds the whole curves, the two small ones the neighbourhoods of the limits. A
    line is the mean over seeds; its band reaches from the lowest to the highest end of the seeds'
    exact 95% intervals, so examples are never pooled over seeds. The small panels also show each seed
    by itself at the claim's radius. An attack bounds robust accuracy from above only; where certificates
    are given, a dashed line bounds it from below, and robust accuracy lies in the shaded region between.

    Args:
      frame: a row per seed, net and radius, with columns `seed`, `net` ("clean" or "robust"),
        `attack`, `radius`, `correct` (examples still classified correctly) and `points` (examples).
        Rows of `attack`, and those of attack "none" as radius 0, are drawn; thinly also those of `weaker`, if any.
      radius: the radius τ of the claims, marked by a vertical line.
      certificates: a row per seed, net, method, norm and radius, with columns of these names, `certified`
        (examples on which no perturbation of the norm changes a right prediction) and `points`. Rows of `norm`
        are drawn, the best method's where there are several.
      attack: which attack's rows to draw.
      weaker: which attack's rows to draw beside them: all but those that know the net's structure.
      norm: "l1", "l2" or "linf", of the radii.
      limits: the accuracies that the claims speak of, as fractions.
      title: heading of the figure.

    Raises:
      ValueError: a column is missing.
    """
    style.require_columns(frame, "seed", "net", "attack", "radius", "correct", "points")
    rows = _accuracies(frame, attack)
    without = _accuracies(frame, weaker) if weaker in set(frame["attack"]) else rows.iloc[:0]
    proven = None if certificates is None or certificates.empty else _proven(certificates, norm)
    with style.theme():
        fig = style.new_figure(9.6, 4.6)
        grid = fig.add_gridspec(2, 2, width_ratios=(2.1, 1))
        main, top, bottom = (fig.add_subplot(cell) for cell in (grid[:, 0], grid[0, 1], grid[1, 1]))
        for axes in (main, top, bottom):
            for limit in limits:
                axes.axhline(limit, color=style.INK, lw=0.9, ls=":", zorder=1)
            for net, (label, colour) in style.NETS.items():
                one = rows.loc[rows["net"] == net]
                if len(one) and proven is not None:
                    _draw_certified(axes, one, proven.loc[proven["net"] == net], colour)
                if len(one):
                    _draw_curve(axes, one, label, colour)
                    if len(without):
                        _draw_weaker(axes, without.loc[without["net"] == net], colour)
                    if axes is not main:
                        _draw_seeds(axes, one, radius, colour)
            axes.axvline(radius, color=style.MUTED, lw=1.2, ls=(0, (4, 3)), zorder=1, label=rf"$\tau = {radius:.3g}$")
        if len(without):
            main.plot([], [], color=style.MUTED, **_THIN, label="without attacks on the kinks")
        if proven is not None and len(proven):
            # One entry of the legend for both nets.
            main.fill_between(
                [], [], color=style.MUTED, alpha=0.25, lw=0, label="between certified (dashed) and attacked"
            )
        _finish_main(main, rows, radius, limits, norm)
        _finish_zoom(top, rows, radius, max(limits))
        _finish_zoom(bottom, rows, radius, min(limits))
        bottom.set_xlabel(f"radius ({style.NORMS[norm]} norm)")
        top.tick_params(labelbottom=False)
        style.head(fig, title)
    return fig


def _accuracies(frame: pd.DataFrame, attack: str) -> pd.DataFrame:
    """The rows of an attack and of none, with their accuracy and its exact interval."""
    # A net whose training diverged may have no counts at all.
    rows = frame.loc[frame["attack"].isin([attack, "none"]) & (frame["points"] > 0)].copy()
    # Where one seed was measured twice, on the claims' points and on the curve's, the larger set counts.
    rows["place"] = rows["radius"].round(9)
    rows = rows.sort_values("points").drop_duplicates(["seed", "net", "place"], keep="last")
    rows["low"], rows["high"] = clopper_pearson(rows["correct"], rows["points"])
    rows["accuracy"] = rows["correct"] / rows["points"]
    return rows


def _draw_weaker(axes: Axes, rows: pd.DataFrame, colour: str) -> None:
    curve = rows.groupby("radius")["accuracy"].mean()
    axes.plot(curve.index, curve, color=colour, **_THIN)


def _draw_curve(axes: Axes, rows: pd.DataFrame, label: str, colour: str) -> None:
    curve = rows.groupby("radius").agg({"accuracy": "mean", "low": "min", "high": "max"}).reset_index()
    axes.fill_between(curve["radius"], curve["low"], curve["high"], color=colour, alpha=0.2, lw=0)
    axes.plot(curve["radius"], curve["accuracy"], "o-", color=colour, lw=2, ms=3.5, label=label)


def _proven(certificates: pd.DataFrame, norm: str) -> pd.DataFrame:
    """Certified accuracy, mean over seeds: a row per net and radius. Every method is sound: the best one counts."""
    style.require_columns(certificates, "seed", "net", "method", "norm", "radius", "certified", "points")
    rows = certificates.loc[(certificates["norm"] == norm) & (certificates["points"] > 0)]
    rows = rows.assign(accuracy=rows["certified"] / rows["points"], radius=rows["radius"].round(9))
    best = rows.groupby(["net", "seed", "radius"], as_index=False)["accuracy"].max()
    return best.groupby(["net", "radius"], as_index=False)["accuracy"].mean()


def _draw_certified(axes: Axes, attacked: pd.DataFrame, proven: pd.DataFrame, colour: str) -> None:
    """Draw the certified accuracy dashed, and shade from it to the attacked one wherever both are known."""
    if proven.empty:
        return
    above = attacked.groupby("radius", as_index=False)["accuracy"].mean()
    axes.plot(proven["radius"], proven["accuracy"], "--", color=colour, lw=1.6)
    places = np.union1d(above["radius"], proven["radius"])
    for curve in (above, proven):
        places = places[(places >= curve["radius"].min()) & (places <= curve["radius"].max())]
    low, high = (np.interp(places, curve["radius"], curve["accuracy"]) for curve in (proven, above))
    axes.fill_between(places, low, high, where=high >= low, color=colour, alpha=0.1, lw=0)


def _draw_seeds(axes: Axes, rows: pd.DataFrame, radius: float, colour: str) -> None:
    """Draw each seed's value and interval at the claim's radius, side by side since they overlap."""
    here = rows.loc[np.isclose(rows["radius"], radius)].sort_values("seed")
    shifts = (np.arange(len(here)) - (len(here) - 1) / 2) * 0.03 * radius
    errors = np.stack([here["accuracy"] - here["low"], here["high"] - here["accuracy"]])
    axes.errorbar(
        here["radius"] + shifts,
        here["accuracy"],
        # Rounding may leave an end a hair inside the value when a count is 0 or full.
        yerr=np.maximum(errors, 0),
        fmt="o",
        color=colour,
        mfc="white",
        ms=4,
        mew=1.3,
        elinewidth=1.3,
        zorder=3,
    )


def _finish_main(axes: Axes, rows: pd.DataFrame, radius: float, limits: tuple[float, float], norm: str) -> None:
    right = rows["radius"].max() * 1.02 if len(rows) else 2 * radius
    axes.set(xlim=(0, right), ylim=(-0.035, 1.035), ylabel="robust accuracy")
    axes.set_xlabel(f"radius of the perturbation ({style.NORMS[norm]} norm)")
    style.percent_ticks(axes.yaxis)
    style.round_ticks(axes.xaxis, 6)
    for limit in limits:
        axes.annotate(
            f"{100 * limit:.3g}%",
            (1, limit),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    style.legend_above(axes, 3 if len(axes.get_legend_handles_labels()[0]) < 4 else 2)
    if rows.empty:
        style.say_empty(axes, "no measurements")


def _finish_zoom(axes: Axes, rows: pd.DataFrame, radius: float, limit: float) -> None:
    """Show the strip between `limit` and the nearer of 0 and 1, and somewhat beyond the limit.

    Seeds that miss the limit are still shown, unless they are so far off that the strip would vanish.
    """
    upper = limit > 0.5
    span = 1 - limit if upper else limit
    here = rows.loc[np.isclose(rows["radius"], radius) & (rows["net"] == ("robust" if upper else "clean"))]
    reach = np.max((limit - here["low"] if upper else here["high"] - limit).to_numpy(), initial=0)
    beyond = 1.15 * reach if 1.5 * span < 1.15 * reach < 10 * span else 1.5 * span
    axes.set_ylim((limit - beyond, 1 + 0.15 * span) if upper else (-0.15 * span, limit + beyond))
    right = min(1.5 * radius, np.max(rows["radius"])) if len(rows) else 1.5 * radius
    axes.set_xlim(0.5 * radius, max(right, 1.1 * radius))
    style.percent_ticks(axes.yaxis, 4)
    style.round_ticks(axes.xaxis, 3)
    axes.set_title(f"near {100 * limit:.3g}%, seed by seed")

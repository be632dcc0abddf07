"""Robust optimisation on images: accuracy of every net under every attack, against the attack's radius."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from purifyjax.plots import style

METHODS = {"one-step": "one step", "PGD": "PGD"}
_PURPLE = sns.color_palette("colorblind").as_hex()[4]
_DASHES = (0, (4, 2))
# The colour is the norm's that a net was trained against; nets trained with PGD are dashed.
NETS: dict[str, tuple[str, dict[str, Any]]] = {
    "baseline": ("nothing (baseline)", {"color": style.CLEAN, "marker": "o"}),
    "l1": (f"{style.NORMS['l1']}, one step", {"color": _PURPLE, "marker": "s"}),
    "l2": (f"{style.NORMS['l2']}, one step", {"color": style.ROBUST, "marker": "D"}),
    "linf": (f"{style.NORMS['linf']}, one step", {"color": style.THIRD, "marker": "^"}),
    "l1 PGD": (f"{style.NORMS['l1']}, PGD", {"color": _PURPLE, "marker": "s", "ls": _DASHES, "mfc": "white"}),
    "l2 PGD": (f"{style.NORMS['l2']}, PGD", {"color": style.ROBUST, "marker": "D", "ls": _DASHES, "mfc": "white"}),
    "linf PGD": (f"{style.NORMS['linf']}, PGD", {"color": style.THIRD, "marker": "^", "ls": _DASHES, "mfc": "white"}),
}
_LINE: dict[str, Any] = {"lw": 1.8, "ms": 4}
_RADIUS: dict[str, Any] = {"color": style.MUTED, "lw": 1.4, "ls": (0, (1, 1.2))}


def figure(table: pd.DataFrame, *, radii: Mapping[str, float], title: str = "") -> Figure:
    """Draw accuracy against the radius ε, a panel an attack and a curve a net.

    One-step attacks are above, PGD below, a column a norm. Lines are means over seeds, bands reach from the lowest to
    the highest seed; the vertical line is the radius that nets were trained with. An attack bounds robust accuracy from
    above only.

    Args:
      table: a row per seed, net, attack and radius, with columns `seed`, `net` ("baseline", "l1", "l2 PGD" and
        so on: what it was trained against), `attack` ("l1 one-step", "l2 PGD" and so on), `radius`, `correct`
        (examples still classified correctly) and `points` (examples). Rows of attack "none" stand for radius 0 in
        every panel. Other nets and attacks are left out.
      radii: training radius ε of each norm, "l1", "l2" and "linf"; a norm without one has no line.
      title: heading of the figure.

    Raises:
      ValueError: a column is missing.

    Source: Shaham, Yamada & Negahban, arXiv 1511.05432, experiments.
    """
    style.require_columns(table, "seed", "net", "attack", "radius", "correct", "points")
    rows = table.loc[table["points"] > 0]
    rows = rows.assign(accuracy=rows["correct"] / rows["points"], radius=rows["radius"].astype(float).round(9))
    found = set(rows["attack"])
    methods = [method for method in METHODS if any(f"{norm} {method}" in found for norm in style.NORMS)]
    with style.theme():
        fig = style.new_figure(10.6, 1.6 + 2.6 * max(len(methods), 1))
        if not methods:
            style.say_empty(fig.subplots(), "no measurements")
            style.head(fig, title)
            return fig
        panels = fig.subplots(len(methods), len(style.NORMS), squeeze=False, sharex="col", sharey=True)
        for line, method in zip(panels, methods, strict=True):
            for axes, (norm, symbol) in zip(line, style.NORMS.items(), strict=True):
                axes.set_title(f"{symbol} attack, {METHODS[method]}")
                _draw(axes, rows.loc[rows["attack"].isin([f"{norm} {method}", "none"])], f"{norm} {method}")
                if norm in radii:
                    axes.axvline(radii[norm], zorder=1, **_RADIUS)
            line[0].set_ylabel("accuracy on test images")
        for axes, symbol in zip(panels[-1], style.NORMS.values(), strict=True):
            axes.set_xlabel(rf"radius $\varepsilon$ ({symbol} norm)")
            axes.margins(x=0.02)
            style.round_ticks(axes.xaxis, 5)
        panels[0, 0].set_ylim(-0.03, 1.03)
        style.percent_ticks(panels[0, 0].yaxis)
        keys = _keys(set(rows["net"]), radii)
        fig.legend(handles=keys, loc="outside lower center", ncols=4, title="trained against", handlelength=2.6)
        style.head(fig, title)
    return fig


def _draw(axes: Axes, rows: pd.DataFrame, attack: str) -> None:
    if not (rows["attack"] == attack).any():
        style.say_empty(axes, "not measured")
        return
    # Clean accuracy may stand in the table as radius 0 of the attack as well.
    rows = rows.sort_values("points").drop_duplicates(["seed", "net", "radius"], keep="last")
    for net, (_, look) in NETS.items():
        curve = rows.loc[rows["net"] == net].groupby("radius")["accuracy"].agg(["mean", "min", "max"])
        if len(curve):
            axes.fill_between(curve.index, curve["min"], curve["max"], color=look["color"], alpha=0.1, lw=0)
            axes.plot(curve.index, curve["mean"], label=net, **_LINE, **look)


def _keys(nets: set[str], radii: Mapping[str, float]) -> list[Line2D]:
    """The legend of all panels: what the nets were trained against."""
    keys = [Line2D([], [], label=label, **_LINE, **look) for net, (label, look) in NETS.items() if net in nets]
    return [*keys, Line2D([], [], label="training radius", **_RADIUS)] if radii else keys

"""Codes of photographs: their atoms, how many are active, which occur together, and what becomes of robustness."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from purifyjax.plots import style

# Whose codes: how they are named and drawn. Colours stay those of the nets.
KINDS = {
    "natural": ("codes of photographs", "-"),
    "natural-shuffled": ("the same, shuffled", (0, (4, 2))),
    "natural-ideal": ("the theory's own", (0, (1, 1.5))),
}
_GAP = 0.12  # between atoms, of their side
_TAIL = 1e-4  # of ‖z‖₀, left out at the right


def figure(
    codes: pd.DataFrame,
    robustness: pd.DataFrame,
    pictures: pd.DataFrame,
    radius: float,
    *,
    attack: str = "worst",
    title: str = "",
) -> Figure:
    """Draw the atoms, the distribution of ‖z‖₀, that of the lift of pairs, and robust accuracy against the radius.

    The second panel shows the numbers of non-zeros beside those of independent coordinates of the same rates, the third
    Pr[i, j]/(Pr[i] Pr[j]) over pairs of coordinates, which is 1 for independent supports. Curves of accuracy are means
    over seeds, bands reach from the lowest to the highest seed (codes of photographs only).

    Args:
      codes: a row per number, with columns `experiment` (whose codes, a key of `KINDS`), `quantity`, `index` and
        `value`: shares of "nonzeros" and "independent nonzeros" by count, and of "lift" by the middle of a bin, the
        last of which holds all beyond it.
      robustness: a row per seed, net and radius, with columns `experiment`, `seed`, `net`, `attack`, `radius`,
        `correct` and `points`. Where a radius was measured twice the larger set of points counts.
      pictures: the atoms, a row a pixel, with columns `index`, `row`, `column` and `value`; the grey of 0 is the same
        for all, and every atom fills the scale.
      radius: τ, marked by a line.
      attack: which rows of `robustness` are drawn.
      title: heading of the figure.

    Raises:
      ValueError: a column is missing.
    """
    style.require_columns(codes, "experiment", "quantity", "index", "value")
    style.require_columns(robustness, "experiment", "seed", "net", "attack", "radius", "correct", "points")
    style.require_columns(pictures, "index", "row", "column", "value")
    with style.theme():
        fig = style.new_figure(10.4, 8.2)
        (top, right), (left, below) = fig.subplots(2, 2)
        _draw_atoms(top, pictures)
        _draw_nonzeros(right, codes)
        _draw_lift(left, codes)
        _draw_accuracy(below, robustness.loc[robustness["attack"] == attack], radius)
        style.head(fig, title)
    return fig


def _of(codes: pd.DataFrame, kind: str, quantity: str) -> pd.DataFrame:
    return codes.loc[(codes["experiment"] == kind) & (codes["quantity"] == quantity)].sort_values("index")


def _draw_atoms(axes: Axes, pictures: pd.DataFrame) -> None:
    axes.set_title("atoms of the dictionary, as pixels")
    axes.set_axis_off()
    atoms = [rows.pivot(index="row", columns="column", values="value") for _, rows in pictures.groupby("index")]
    if not atoms:
        style.say_empty(axes, "no atoms")
        return
    across = math.ceil(math.sqrt(1.6 * len(atoms)))
    step = 1 + _GAP
    for place, atom in enumerate(atoms):
        x, y = place % across * step, place // across * step
        size = float(np.nanmax(np.abs(atom.to_numpy()))) or 1.0
        axes.imshow(
            atom.to_numpy(), cmap="gray", vmin=-size, vmax=size, extent=(x, x + 1, y + 1, y), interpolation="nearest"
        )
    axes.set(xlim=(0, across * step - _GAP), ylim=(math.ceil(len(atoms) / across) * step - _GAP, 0), aspect="equal")


def _draw_nonzeros(axes: Axes, codes: pd.DataFrame) -> None:
    axes.set_title("how many atoms are active")
    own, predicted = (_of(codes, "natural", name) for name in ("nonzeros", "independent nonzeros"))
    if own.empty:
        style.say_empty(axes, "no codes")
        return
    axes.bar(own["index"], own["value"], width=1.0, color=style.ACCENT, alpha=0.75, lw=0, label=KINDS["natural"][0])
    axes.plot(predicted["index"], predicted["value"], color=style.INK, lw=1.6, label="if independent, same rates")
    last = max(rows.loc[rows["value"] > _TAIL, "index"].max() for rows in (own, predicted))
    axes.set(xlim=(-0.5, last + 0.5), xlabel=r"non-zeros of a code, $\|z\|_0$", ylabel="share of the codes")
    style.percent_ticks(axes.yaxis)
    _legend_below(axes)


def _draw_lift(axes: Axes, codes: pd.DataFrame) -> None:
    axes.set_title("which atoms are active together")
    edge = 0.0
    for kind, (label, dashes) in KINDS.items():
        rows = _of(codes, kind, "lift")
        if rows.empty:
            continue
        middle = rows["index"].to_numpy()
        width = float(np.diff(middle).mean()) if len(middle) > 1 else 1.0
        edges = np.append(middle - width / 2, middle[-1] + width / 2)
        edge = float(edges[-1])
        if kind == "natural":
            axes.bar(middle, rows["value"] / width, width=width, color=style.ACCENT, alpha=0.75, lw=0, label=label)
        else:
            axes.stairs(rows["value"] / width, edges, color=style.INK, lw=1.4, ls=dashes, label=label)
    if not edge:
        style.say_empty(axes, "no pairs")
        return
    axes.set(yscale="log", xlim=(0, edge), ylabel="density over pairs")
    # The last bin holds all beyond it.
    ticks = np.linspace(0, edge, 7)
    axes.set_xticks(ticks, [*(f"{tick:g}" for tick in ticks[:-1]), rf"$\geq${ticks[-1]:g}"])
    axes.set_xlabel(r"$\Pr[z_i \neq 0,\, z_j \neq 0]\, /\, (\Pr[z_i \neq 0]\, \Pr[z_j \neq 0])$")
    _legend_below(axes)


def _draw_accuracy(axes: Axes, rows: pd.DataFrame, radius: float) -> None:
    axes.set_title("robust accuracy")
    rows = rows.loc[rows["points"] > 0].assign(place=lambda frame: frame["radius"].round(9))
    rows = rows.sort_values("points").drop_duplicates(["experiment", "seed", "net", "place"], keep="last")
    if rows.empty:
        style.say_empty(axes, "no measurements")
        return
    rows = rows.assign(accuracy=rows["correct"] / rows["points"])
    handles = []
    for kind, (label, dashes) in KINDS.items():
        one = rows.loc[rows["experiment"] == kind]
        if one.empty:
            continue
        handles.append(Line2D([], [], color=style.INK, lw=1.8, ls=dashes, label=label))
        for net, (_, colour) in style.NETS.items():
            curve = one.loc[one["net"] == net].groupby("radius")["accuracy"].agg(["mean", "min", "max"])
            axes.plot(curve.index, curve["mean"], color=colour, lw=1.8, ls=dashes)
            if kind == "natural":
                axes.fill_between(curve.index, curve["min"], curve["max"], color=colour, alpha=0.2, lw=0)
    handles += [Line2D([], [], color=colour, lw=1.8, label=label) for label, colour in style.NETS.values()]
    axes.axvline(radius, color=style.MUTED, lw=1.2, ls=(0, (4, 3)), zorder=1)
    axes.annotate(r"$\tau$", (radius, 1.035), xytext=(3, -12), textcoords="offset points", color=style.MUTED)
    axes.set(xlim=(0, rows["radius"].max()), ylim=(-0.035, 1.035), ylabel="robust accuracy")
    axes.set_xlabel(r"radius of the perturbation ($\ell_2$ norm)")
    style.percent_ticks(axes.yaxis)
    _legend_below(axes, handles)


def _legend_below(axes: Axes, handles: list[Line2D] | None = None) -> None:
    """Where no curve can run through it."""
    shown = axes.get_legend_handles_labels()[0] if handles is None else handles
    axes.legend(handles=shown, loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2, handlelength=2.4)

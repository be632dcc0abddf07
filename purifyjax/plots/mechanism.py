"""What surgery on the nets does: the mixture in and out of both nets, and the controls beside."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from purifyjax.plots import style

# Net and change of the four cells: rows are the trainings, columns whether the mixture is there.
CELLS = (
    (("clean", "none"), ("clean", "mixture out")),
    (("robust", "mixture in"), ("robust", "none")),
)
COLUMNS, ROWS = ("with the mixture", "without it"), ("cleanly", "adversarially")


def figure(frame: pd.DataFrame, *, radius: float, title: str = "") -> Figure:
    """Draw a 2 × 2 map of robust accuracy, trained cleanly or adversarially × mixture in or out, and all operations.

    Cells hold the mean over seeds of the accuracy at τ, below it that on clean points. At the right every operation
    has a row: filled points are accuracy at τ, open ones clean accuracy, lines run from the lowest to the highest seed.

    Args:
      frame: a row per seed, operated net and radius, with columns `net` ("clean" or "robust"), `change` ("none" for
        the net as it was trained), `radius`, `correct` and `points`.
      radius: τ.
      title: heading of the figure.

    Raises:
      ValueError: a column is missing, or a cell's rows.
    """
    style.require_columns(frame, "net", "change", "radius", "correct", "points")
    shares = frame.assign(share=frame["correct"] / frame["points"])
    clean, attacked = (shares[np.isclose(shares["radius"], r)] for r in (0.0, radius))
    with style.theme():
        fig = style.new_figure(10.2, 4.2 if title else 4.0)
        cells, rows = fig.subplots(1, 2, width_ratios=(1.0, 1.25))
        _draw_cells(cells, clean, attacked)
        _draw_rows(rows, clean, attacked)
        style.head(fig, title)
    return fig


def _draw_cells(axes: Axes, clean: pd.DataFrame, attacked: pd.DataFrame) -> None:
    def mean(rows: pd.DataFrame, cell: tuple[str, str]) -> float:
        own = rows.loc[(rows["net"] == cell[0]) & (rows["change"] == cell[1]), "share"]
        if own.empty:
            raise ValueError(f"the frame has no rows of the {cell[0]} net with the change {cell[1]!r}")
        return 100 * float(own.mean())

    values = np.array([[mean(attacked, cell) for cell in row] for row in CELLS])
    text = [[f"{mean(attacked, c):.1f}% at τ\n({mean(clean, c):.1f}% clean)" for c in row] for row in CELLS]
    sns.heatmap(
        pd.DataFrame(values, index=list(ROWS), columns=list(COLUMNS)),
        ax=axes,
        vmin=0,
        vmax=100,
        cmap=sns.blend_palette([style.CLEAN, "#f4f4f4", style.ROBUST], as_cmap=True),
        cbar=False,
        annot=np.array(text),
        fmt="",
        linewidths=2,
        linecolor="white",
        annot_kws={"fontsize": 11},
    )
    axes.tick_params(length=0, rotation=0)
    axes.grid(False)
    axes.set(title="robustness goes with the mixture", ylabel="trained")


def _draw_rows(axes: Axes, clean: pd.DataFrame, attacked: pd.DataFrame) -> None:
    kinds = attacked[["net", "change"]].drop_duplicates().sort_values("net", kind="stable").to_numpy(str)
    names = []
    for place, (net, change) in enumerate(kinds):
        colour = style.NETS[net][1]
        names.append(f"{net} net" if change == "none" else f"{net} net, {change}")
        for rows, filled in ((clean, False), (attacked, True)):
            share = 100 * rows.loc[(rows["net"] == net) & (rows["change"] == change), "share"]
            axes.plot([share.min(), share.max()], [place, place], color=colour, lw=1.5)
            face = colour if filled else "white"
            axes.plot(share.mean(), place, "o", color=colour, markerfacecolor=face, markersize=6, clip_on=False)
    axes.set(xlim=(0, 100), xlabel="accuracy in %, at τ (filled) and clean (open)", title="all operations")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()

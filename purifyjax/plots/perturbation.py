"""What both nets' perturbations are made of, in the dictionary's basis: a dense carpet, or a few features."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from purifyjax.plots import style

ACTIVE = 0.05  # a feature is active where its coordinate reaches this share of the largest


def figure(
    coordinates: pd.DataFrame, perturbations: pd.DataFrame, dense: float, pure: float, *, title: str = ""
) -> Figure:
    """Draw one point's perturbation on either net, and how many coordinates all perturbations spread over.

    On the left every coordinate of δ/‖δ‖ is a stem, signed by the label, so that what speaks against the label is
    negative. The features that are active in the point stand apart, in the order of their coordinates in it; over each
    part is its share of ‖δ‖². On the right is the effective number of coordinates (Σ δ_j²)²/Σ δ_j⁴ over all
    points, as the mean over seeds of each seed's shares, with the claim's bounds dashed.

    Args:
      coordinates: a row per net and coordinate of one point, with columns `net` ("clean", "robust"), `coordinate`,
        `value` (y ⟨δ, M_j⟩) and `code` (y ⟨x, M_j⟩).
      perturbations: a row per seed, net and point, with columns `seed`, `net` and `participation`.
      dense: effective number that the clean net's perturbations should reach.
      pure: effective number that the robust net's perturbations should not exceed.
      title: heading of the figure.

    Raises:
      ValueError: a column is missing, or `coordinates` holds several points.
    """
    style.require_columns(coordinates, "net", "coordinate", "value", "code")
    style.require_columns(perturbations, "seed", "net", "participation")
    if coordinates.duplicated(["net", "coordinate"]).any():
        raise ValueError("the frame of coordinates must hold one point")
    with style.theme():
        fig = style.new_figure(10.6, 5.2)
        grid = fig.add_gridspec(2, 3, width_ratios=(1, 1.5, 1.35))
        stems: list[Axes] = []
        for row, (net, (label, colour)) in enumerate(style.NETS.items()):
            left = fig.add_subplot(grid[row, 0], sharey=stems[0] if stems else None)
            right = fig.add_subplot(grid[row, 1], sharey=left)
            _draw_point(left, right, coordinates.loc[coordinates["net"] == net], colour)
            left.set_ylabel(r"$y\,\langle\delta, M_j\rangle\,/\,\|\delta\|$")
            left.set_title(label)
            right.tick_params(labelleft=False)
            if row == 0:
                left.tick_params(labelbottom=False)
                right.tick_params(labelbottom=False)
            stems += [left, right]
        # Room for the texts above the stems.
        low, high = stems[0].get_ylim()
        stems[0].set_ylim(low, high + 0.22 * (high - low))
        stems[-2].set_xlabel("active features")
        stems[-1].set_xlabel("all other features")
        numbers = fig.add_subplot(grid[:, 2])
        _draw_numbers(numbers, perturbations, {"clean": dense, "robust": pure})
        if numbers.get_legend_handles_labels()[0]:
            fig.legend(*numbers.get_legend_handles_labels(), loc="outside lower right", ncols=4, handlelength=1.6)
        style.head(fig, title)
    return fig


def _draw_point(left: Axes, right: Axes, rows: pd.DataFrame, colour: str) -> None:
    value, code = rows["value"].to_numpy(np.float64), rows["code"].to_numpy(np.float64)
    norm = np.linalg.norm(value)
    active = np.abs(code) >= ACTIVE * np.max(np.abs(code), initial=0.0)
    for axes, part, width in ((left, active, 1.6), (right, ~active, 0.6)):
        if not (np.isfinite(norm) and norm > 0 and part.any()):
            style.say_empty(axes, "no perturbation")
            continue
        order = np.argsort(code[part], kind="stable")
        shown = value[part][order] / norm
        # As pixels also in the SVG: thousands of lines would make it megabytes.
        axes.vlines(np.arange(part.sum()), 0, shown, color=colour, lw=width, rasterized=part.sum() > 200)
        axes.axhline(0, color=style.INK, lw=0.8)
        axes.set_xlim(-0.03 * part.sum(), 1.03 * part.sum() - 1)
        axes.text(
            0.98,
            0.95,
            f"{part.sum()} features, {100 * np.sum(shown**2):.0f}% of $\\|\\delta\\|^2$",
            transform=axes.transAxes,
            ha="right",
            va="top",
            fontsize=9.5,
        )
        style.round_ticks(axes.xaxis, 4)


def _draw_numbers(axes: Axes, rows: pd.DataFrame, bounds: dict[str, float]) -> None:
    axes.set(xlabel="effective number of coordinates of δ", ylabel="share of all points")
    axes.set_xscale("log")
    values = rows["participation"].to_numpy(np.float64)
    values = values[np.isfinite(values) & (values > 0)]
    if not len(values):
        style.say_empty(axes, "no perturbations")
        return
    ends = [values.min(), values.max(), *bounds.values()]
    edges = np.geomspace(0.9 * min(ends), 1.1 * max(ends), 61)
    for net, (label, colour) in style.NETS.items():
        shares = _shares(rows.loc[rows["net"] == net], edges)
        axes.stairs(shares, edges, color=colour, fill=True, alpha=0.55, label=label)
    for net, sign in (("clean", r"\geq"), ("robust", r"\leq")):
        colour = style.NETS[net][1]
        axes.axvline(bounds[net], color=colour, lw=1.4, ls=(0, (4, 3)), label=f"bound: ${sign}$ {bounds[net]:.3g}")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    style.percent_ticks(axes.yaxis)


def _shares(rows: pd.DataFrame, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of a seed's points in every bin, mean over seeds."""
    seeds = [np.histogram(one["participation"], edges)[0] / len(one) for _, one in rows.groupby("seed")]
    return np.mean(seeds, axis=0) if seeds else np.zeros(len(edges) - 1)

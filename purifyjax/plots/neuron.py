"""One neuron's coordinates in the dictionary's basis, before and after adversarial training."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from purifyjax.plots import style


def figure(frame: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw ⟨w, M_j⟩/‖w‖ for every feature j of one neuron: one large coordinate and a dense mixture.

    On the left every coordinate is a stem, the largest in colour. On the right is the histogram of all
    others: a mixture of features moves it away from zero as a whole, noise alone only widens it. The
    neuron is drawn with the sign that makes its largest coordinate positive, and in units of its
    norm, so that the two nets compare. If labels weigh features with different signs, the mixture
    does too: with a column `label_weight` (w*_j) every coordinate is multiplied by that sign.

    Args:
      frame: a row per coordinate of one neuron, with columns `coordinate` (the feature j), `clean`
        and `robust` (⟨w, M_j⟩ after clean and after adversarial training).
      title: heading of the figure.

    Raises:
      ValueError: a column is missing, or the frame holds several neurons or fewer than two coordinates.
    """
    style.require_columns(frame, "coordinate", "clean", "robust")
    if len(frame) < 2 or frame["coordinate"].duplicated().any():
        raise ValueError(f"the frame must hold one neuron with two or more coordinates, got {len(frame)} rows")
    frame = frame.sort_values("coordinate")
    signs = np.sign(frame["label_weight"].to_numpy()) if "label_weight" in frame else 1.0
    features = frame["coordinate"].to_numpy()
    with style.theme():
        fig = style.new_figure(9.6, 5.2)
        grid = fig.add_gridspec(2, 2, width_ratios=(2.1, 1))
        stems: list[Axes] = []
        histograms: list[Axes] = []
        weights_of = {net: _oriented(signs * frame[net].to_numpy(np.float64)) for net in style.NETS}
        # Common bins, so that the histograms' heights compare.
        edges = _common_bins([np.delete(w, np.argmax(w)) for w in weights_of.values() if w is not None])
        for row, (net, (label, colour)) in enumerate(style.NETS.items()):
            left = fig.add_subplot(grid[row, 0], sharex=stems[0] if stems else None)
            right = fig.add_subplot(grid[row, 1], sharex=histograms[0] if histograms else None)
            left.set_title(label)
            if row == 0:
                right.set_title("all other coordinates")
            weights = weights_of[net]
            if weights is None:
                for axes in (left, right):
                    style.say_empty(axes, "weights are zero or not finite")
            else:
                _draw_stems(left, features, weights, colour)
                _draw_mixture(right, weights, edges, colour)
            left.set_ylabel(r"$\langle w, M_j\rangle\,/\,\|w\|$")
            right.set_ylabel("features")
            right.yaxis.set_major_locator(MaxNLocator(5, integer=True))
            style.round_ticks(right.xaxis, 4)
            stems.append(left)
            histograms.append(right)
        for axes in (stems[0], histograms[0]):
            axes.tick_params(labelbottom=False)
        stems[-1].set_xlabel("feature $j$ of the dictionary")
        histograms[-1].set_xlabel(r"$\langle w, M_j\rangle\,/\,\|w\|$")
        lowest = min(axes.get_ylim()[0] for axes in stems)
        for axes in stems:
            axes.set_ylim(lowest, 1.08)
        style.head(fig, title)
    return fig


def _oriented(weights: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Unit vector along `weights` whose largest coordinate is positive; None where there is none."""
    norm = np.linalg.norm(weights)
    if not (np.isfinite(norm) and norm > 0):
        return None
    return weights * np.sign(weights[np.argmax(np.abs(weights))]) / norm


def _common_bins(mixtures: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Bins that show the bulk of every mixture and zero; a few far features may lie outside."""
    ends = [0.0]
    for mixture in mixtures:
        low, high = np.quantile(mixture, (0.01, 0.99))
        ends += [max(2 * low - high, mixture.min()), min(2 * high - low, mixture.max())]
    return np.histogram_bin_edges([], bins=50, range=(min(ends), max(ends)))


def _draw_stems(axes: Axes, features: NDArray, weights: NDArray[np.float64], colour: str) -> None:
    largest = int(np.argmax(weights))
    others = np.arange(len(weights)) != largest
    # As pixels also in the SVG: thousands of lines would make it megabytes.
    axes.vlines(features[others], 0, weights[others], color=style.MUTED, lw=0.6, alpha=0.8, rasterized=True)
    axes.vlines(features[largest], 0, weights[largest], color=colour, lw=2.2)
    axes.plot(features[largest], weights[largest], "o", color=colour, ms=6)
    axes.axhline(0, color=style.INK, lw=0.8)
    # Written on the side of the stem that has room.
    on_left = features[largest] > features.mean()
    axes.annotate(
        f"feature {features[largest]}: {weights[largest]:.2f}",
        (features[largest], weights[largest]),
        xytext=(-9 if on_left else 9, -1),
        textcoords="offset points",
        ha="right" if on_left else "left",
        va="center",
        color=colour,
        fontweight="bold",
    )
    axes.annotate(
        f"norm of the other {others.sum()}: {np.linalg.norm(weights[others]):.2f}",
        (features[largest], weights[largest]),
        xytext=(-9 if on_left else 9, -17),
        textcoords="offset points",
        ha="right" if on_left else "left",
        va="center",
        fontsize=9.5,
    )
    margin = 0.02 * np.ptp(features)
    axes.set_xlim(features.min() - margin, features.max() + margin)


def _draw_mixture(axes: Axes, weights: NDArray[np.float64], edges: NDArray[np.float64], colour: str) -> None:
    others = np.delete(weights, np.argmax(weights))
    mean, error = others.mean(), others.std() / np.sqrt(len(others))
    counts, *_ = axes.hist(others, bins=list(edges), color=colour, alpha=0.65, histtype="stepfilled", lw=0)
    # The upper quarter stays free for the text, whichever side the histogram is on.
    axes.set_ylim(0, 1.45 * np.max(counts))
    axes.axvline(0, ymax=0.74, color=style.INK, lw=1.0)
    axes.axvline(mean, ymax=0.74, color=colour, lw=1.8, ls=(0, (3, 2)))
    outside = np.count_nonzero((others < edges[0]) | (others > edges[-1]))
    axes.text(
        0.98,
        0.96,
        f"mean (dashed) {mean:+.4f} ± {error:.4f}\nspread {others.std():.4f}"
        + (f", {outside} not shown" if outside else ""),
        transform=axes.transAxes,
        ha="right",
        va="top",
        fontsize=9.5,
        color=style.INK,
    )

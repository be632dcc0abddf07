"""What the claims look at: tidy tables about one trained experiment."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import pandas as pd


def _empty():
    return field(default_factory=pd.DataFrame)


@dataclass(frozen=True)
class Evidence:
    """Everything measured on one experiment; claims are pure functions of it. Tables of other kinds are empty.

    Attributes:
      experiment: its name, "default" (FGM), "pgd", "linf", "classes", "patches-2", "patches-10" or "race".
      config: the experiment's settings as plain values.
      radius: τ, the radius of all its claims, in the config's norm.
      robustness: experiment, seed, net (clean, robust), attack (none, noise, universal, fgm, worst), radius,
        correct, points: how many points are classified rightly under the attack.
      wins: experiment, seed, net, attack, broke: how many points each attack of the suite broke at τ that those before
        it had left standing.
      neurons: experiment, seed, neuron, live_clean, live_robust, |cos| of w⁰, w, w' in pairs (cos_init_clean,
        cos_init_robust, cos_clean_robust), feature_, purity_, mixture_, mixture_error_ and norm_ of both nets.
      history: experiment, seed, stage (clean, robust), step, loss, clean_accuracy, robust_accuracy.
      coordinates: experiment, seed, neuron, coordinate, init, clean, robust: one example neuron a seed,
        in the dictionary basis.
      perturbations: experiment, seed, net, point, and of the strongest perturbation δ at τ: participation (effective
        number of coordinates of Mᵀδ), mixture_cosine = |cos(δ, Mw*)|, margin = y f(x + δ).
      perturbation_coordinates: experiment, seed, net, coordinate, value = y (Mᵀδ)_j, code = y (Mᵀx)_j: one example
        point a seed, the same for both nets.
      transfer: experiment, net (clean, robust, clean to robust), source, target, correct, points: how many points
        the target seed's net gets right under perturbations found on the source seed's; empty for a single seed.
      certificates: experiment, seed, net, method (lipschitz, interval, crown, quadratic), norm, radius, certified,
        standing, points: on how many points it is proven that no perturbation of the radius changes a right
        prediction, and how many withstand the attacks; empty where nothing was certified.
      classes: seed, family, model, training, rate, radius, clean, robust, points, converged, drop: how many points
        every model of the simpler classes gets right, and right under every attack.
      class_losses: seed, family, model, training, rate, step, loss: their learning curves.
      class_bounds: the bound for all linear classifiers, see `LinearClassBound`.
      alignments: experiment, seed, net, step, loss, label, robust, nonrobust: through the training of a patch network,
        the largest ⟨w, u_c⟩ and ⟨w, v_c⟩ over the filters of each class c.
      race: experiment, seed, radius, strength, log_ratio, predicted: log of the mean ⟨w, v_c⟩ over the mean ⟨w, u_c⟩ at
        the end, and the strength at which it is predicted to change its sign.
      outcomes: experiment, net, attack, radius, seed, point, right: what nets on images get right of the same test
        images, clean ("none") and under every attack at ε; of a collection only the images that belong to it.
      image_robustness: experiment, seed, net, attack, radius, correct, points: how many test images such nets get right
        under every attack and at every radius.
      ranks: experiment, seed, net, rank, full, clean, robust, lost, points: how many points a net gets right, and right
        under every attack, after adversarial training whose update of the clean weights has at most this rank (0:
        before it); full: unrestricted; lost: how many of the unrestricted net's points the net of the rank loses.
      costs: net, repeat, ratio: time of a training step over that of the baseline's.
      pictures: figure, group, index, row, column, channel, value, caption, signed, seed: images, a row an entry.
      angles: seed, architecture, layer, pair, filter, angle: in degrees, between a filter of two nets.
      codes: experiment (whose codes), quantity, index, value, low, high: what codes of photographs are like. For a
        single number index is 0, and the interval is at 95% by resampling squares of the pictures (NaN for shares of
        significant tests); index is the coordinate of a quantity of each, ‖z‖₀ of "nonzeros" and of its prediction
        "independent nonzeros", and the middle of a bin of "lift", the values being shares.
      sparsity: seed, filters, signal, point, atoms, error: relative error of images and of perturbations, rebuilt from
        so many filters of a net's first layer.
    """

    experiment: str
    config: dict[str, Any]
    radius: float
    robustness: pd.DataFrame = _empty()
    wins: pd.DataFrame = _empty()
    neurons: pd.DataFrame = _empty()
    history: pd.DataFrame = _empty()
    coordinates: pd.DataFrame = _empty()
    perturbations: pd.DataFrame = _empty()
    perturbation_coordinates: pd.DataFrame = _empty()
    transfer: pd.DataFrame = _empty()
    certificates: pd.DataFrame = _empty()
    classes: pd.DataFrame = _empty()
    class_losses: pd.DataFrame = _empty()
    class_bounds: pd.DataFrame = _empty()
    alignments: pd.DataFrame = _empty()
    race: pd.DataFrame = _empty()
    outcomes: pd.DataFrame = _empty()
    ranks: pd.DataFrame = _empty()
    image_robustness: pd.DataFrame = _empty()
    costs: pd.DataFrame = _empty()
    pictures: pd.DataFrame = _empty()
    angles: pd.DataFrame = _empty()
    sparsity: pd.DataFrame = _empty()
    codes: pd.DataFrame = _empty()


TABLES = tuple(f.name for f in fields(Evidence) if f.default_factory is pd.DataFrame)
# Columns of the tables that may be empty.
TRANSFER = ("experiment", "net", "source", "target", "correct", "points")
CERTIFICATES = ("experiment", "seed", "net", "method", "norm", "radius", "certified", "standing", "points")
# Raised whenever a table's columns or their meaning change: stored evidence is then measured anew.
FORMAT = 7

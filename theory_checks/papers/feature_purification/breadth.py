"""Other members of the family and the source's own algorithm: the trainings that stand beside the default one."""

from __future__ import annotations

import math
from typing import Any

from purifyjax.attacks import FGM
from purifyjax.data import SparseCoding, label_std, second_moment
from purifyjax.training import Phase, Training
from purifyjax.training.recipes import MARGIN, RADIUS, feature_purification

NOISE = 0.3  # σ_x, σ_s: sizes of Gaussian and spike noise beside ‖z‖ ~ 1
SMOOTHING = 0.1  # σ_ρ in units of the thresholds that training starts with; more drowns w⁰, and mixtures win
SPREAD = 0.5  # |w*_j| ~ U[0.5, 1.5], of random signs


def general(**size: Any) -> tuple[Training, float]:
    """The default recipe on a member of the family without any of its symmetries, and its τ.

    Unequal w* of random signs, a random unitary M, values |z_j| ∈ {0, 1/√k, 1}, Gaussian noise, spikes as high as a
    feature that carry no label, smoothing noise in every neuron. γ and τ are as many σ as in the default experiment.
    """
    training, _ = feature_purification(**size)
    data = training.data.replace(
        label_spread=SPREAD, dictionary="random", value_max=1.0, noise=NOISE, spike_noise=NOISE
    )
    sigma = label_std(data)
    tau = RADIUS * sigma / math.sqrt(data.sparsity)
    first = training.clean[0].threshold * _deviation(training.init_scale, data)

    def moved(phases: tuple[Phase, ...]) -> tuple[Phase, ...]:
        return tuple(p.replace(smoothing=SMOOTHING * first, radius=tau if p.adversary else 0.0) for p in phases)

    data = data.replace(margin=MARGIN * sigma)
    return training.replace(data=data, clean=moved(training.clean), robust=moved(training.robust)), tau


def source_algorithm(**size: Any) -> tuple[Training, float]:
    """The source's algorithm: one rate, one growing threshold for all neurons, the cubic regulariser, no momentum.

        w ← w − η ∇[loss + λ Σ_i (‖w_i‖²/2 + ‖w_i‖³/3)],   b ← b + ηB,   σ₀ and η small,

    then FGM at τ with the threshold that clean training ended with. The source gives orders of magnitude, no
    constants; how these were found is in docs/recipes.md.
    """
    training, tau = feature_purification(**size)
    data, batch_size = training.data, training.clean[0].batch_size
    scale, rate, decay = 0.01, 0.1, 1e-4
    # Neurons start 2.5 standard deviations below their threshold: a few features of each reach it.
    start = 2.5 * _deviation(scale, data)
    end = 0.4 / math.sqrt(data.sparsity)
    pace = data.dimension / 256  # a feature's gradient falls as 1/d

    def phase(steps: int, threshold: float, threshold_end: float, **adversary: Any) -> Phase:
        return Phase(
            50 * round(pace * steps / 50),
            batch_size,
            rate,
            threshold_rule="uniform",
            threshold=threshold,
            threshold_end=threshold_end,
            weight_decay=decay,
            cubic_decay=decay,
            smoothing=SMOOTHING * start,
            **adversary,
        )

    clean = (phase(1200, start, 1.2 * start), phase(1200, 1.2 * start, end))
    robust = (phase(1500, end, end, adversary=FGM(), radius=tau),)
    return training.replace(clean=clean, robust=robust, momentum=0.0, init_scale=scale), tau


def _deviation(init_scale: float, data: SparseCoding) -> float:
    """Standard deviation of ⟨w⁰, x⟩: ‖w⁰‖ √(E z_j²)."""
    return init_scale * math.sqrt(data.dimension * float(second_moment(data)))

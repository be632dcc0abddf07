"""The recipe by which the theorem's network is trained at any size, w⁰ → w cleanly → w′ adversarially."""

from __future__ import annotations

import math
from typing import Any

from purifyjax.attacks import FGM
from purifyjax.balls import Norm
from purifyjax.data import SparseCoding, second_moment
from purifyjax.training.config import Phase, Training

MARGIN, RADIUS = 1.5, 1.0  # γ in σ and τ in σ/√k


def feature_purification(
    *,
    dimension: int,
    sparsity: int,
    neurons: int,
    pace: float,
    batch_size: int,
    margin: float = MARGIN,
    radius: float = RADIUS,
    clean_threshold: float = 1.6,
    value_max: float = 3.0,
    norm: Norm = "l2",
) -> tuple[Training, float]:
    """The default training at a size, and its radius τ; lengths are in the problem's own units.

    Clean training: thresholds of 3 standard deviations of the pre-activation while features form, so that a
    neuron listens to few features and weight decay leaves it one; then down to one under which it fires if its feature
    is present, whatever its size, and hardly otherwise. Adversarial training, at τ throughout: a warm-up, in which the
    mixture goes (slower ones leave dense negative neurons that mask FGM), then frozen thresholds while the features
    grow, at the end higher ones. What was tuned, and on what, is in docs/recipes.md.

    Args:
      margin: γ in standard deviations σ of ⟨w*, z⟩.
      radius: τ in units of σ/√k, the perturbation that spends itself on k features.
      clean_threshold: the clean stage's last one, in standard deviations of the pre-activation.
      value_max: c, at most √k for data that is drawn.
      pace: number of steps, relative to the schedule at d = 1024.
      norm: of the perturbations. In ℓ∞ a dense unitary M takes the place of the identity, under which one entry would
        be one feature, and ε that of τ: ε ‖g‖₁ = τ ‖g‖₂ for the dense g that matter, so ε = τ √(π/2)/√d.
    """
    dictionary = "random" if norm == "linf" else "identity"
    data = SparseCoding(
        dimension=dimension, sparsity=sparsity, atom_rate=0.05, value_max=value_max, dictionary=dictionary
    )
    sigma = math.sqrt(float(second_moment(data)) * dimension)
    data = data.replace(margin=margin * sigma)
    tau = radius * sigma / math.sqrt(sparsity)
    if norm == "linf":
        tau *= math.sqrt(math.pi / 2 / dimension)

    def phase(steps: int, learning_rate: float, end: float | None = None, **rule) -> Phase:
        return Phase(max(50, 50 * round(pace * steps / 50)), batch_size, learning_rate, end, **rule)

    # A feature's gradient falls as 1/d: what decays it must not fall more slowly.
    decay = 1e-3 * min(1.0, 1024 / dimension)
    clean = (
        phase(250, 0.015, 0.3, threshold=3.3, weight_decay=decay),
        phase(500, 0.3, threshold=3.3, threshold_end=3.6, weight_decay=decay),
        phase(400, 0.3, 0.06, threshold=3.6, threshold_end=clean_threshold, weight_decay=decay),
    )
    fgm: dict[str, Any] = {"adversary": FGM(), "norm": norm, "radius": tau}
    robust = (
        phase(250, 0.12, 0.3, threshold=2.0, threshold_end=1.2, **fgm),
        phase(500, 0.4, threshold_rule="frozen", **fgm),
        phase(350, 0.4, 0.04, threshold=0.8, threshold_end=0.9, **fgm),
    )
    return Training(data, neurons, clean, robust), tau

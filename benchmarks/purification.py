"""What the benchmarks train: the network of feature purification at d = 1024, cleanly and then adversarially."""

from __future__ import annotations

import math
from typing import Any

from purifyjax.attacks import FGM
from purifyjax.data import SparseCoding, second_moment
from purifyjax.training import Phase, Training

DIMENSION, SPARSITY, NEURONS, BATCH = 1024, 31, 3072, 384


def training() -> tuple[Training, float]:
    """The run and its ℓ2 radius τ = 0.9 σ/√k, σ the standard deviation of ⟨w*, z⟩; the margin is γ = 1.5 σ."""
    data = SparseCoding(dimension=DIMENSION, sparsity=SPARSITY, atom_rate=0.05, value_max=3.0)
    sigma = math.sqrt(float(second_moment(data)) * DIMENSION)
    data, tau = data.replace(margin=1.5 * sigma), 0.9 * sigma / math.sqrt(SPARSITY)
    # Features form under high thresholds; then the mixture goes, and features grow against a radius beyond τ.
    decay: dict[str, Any] = {"weight_decay": 1e-3}
    clean = (
        Phase(200, BATCH, 0.015, 0.3, threshold=3.3, **decay),
        Phase(400, BATCH, 0.3, threshold=3.3, threshold_end=3.6, **decay),
        Phase(200, BATCH, 0.3, 0.06, threshold=3.6, threshold_end=5.0, **decay),
    )
    fgm: dict[str, Any] = {"adversary": FGM()}
    robust = (
        Phase(250, BATCH, 0.12, 0.3, threshold=2.0, threshold_end=1.2, radius=0.94 * tau, **fgm),
        Phase(500, BATCH, 0.4, threshold_rule="frozen", radius=1.06 * tau, **fgm),
        Phase(250, BATCH, 0.4, 0.04, threshold=0.85, threshold_end=1.0, radius=1.35 * tau, **fgm),
    )
    return Training(data, NEURONS, clean, robust), tau

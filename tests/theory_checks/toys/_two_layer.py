"""The theorem's network and recipe, at a size that trains in no time."""

from __future__ import annotations

from purifyjax.attacks import FGM
from purifyjax.data import SparseCoding
from purifyjax.training import Phase, Training

RADIUS = 0.2


def training() -> Training:
    """A few steps of clean and of adversarial training."""
    return Training(
        SparseCoding(dimension=32, sparsity=5, value_max=1.5, margin=0.5),
        neurons=32,
        clean=(Phase(6, 16, 0.3, threshold=2.0, weight_decay=1e-3),),
        robust=(Phase(4, 16, 0.2, threshold=1.0, adversary=FGM(), radius=RADIUS),),
    )

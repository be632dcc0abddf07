"""What the claims look at: tidy tables about one trained experiment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Evidence:
    """Everything measured on one experiment; claims are pure functions of it.

    Attributes:
      experiment: its name, "default" (FGM) or "pgd".
      config: the experiment's settings as plain values.
      radius: τ, the ℓ2 radius of all claims.
      robustness: experiment, seed, net (clean, robust), attack (none, noise, universal, fgm, worst), radius,
        correct, points: how many points are classified rightly under the attack.
      neurons: experiment, seed, neuron, live_clean, live_robust, |cos| of w⁰, w, w' in pairs (cos_init_clean,
        cos_init_robust, cos_clean_robust), feature_, purity_, mixture_, mixture_error_ and norm_ of both nets.
      history: experiment, seed, stage (clean, robust), step, loss, clean_accuracy, robust_accuracy.
      coordinates: experiment, seed, neuron, coordinate, init, clean, robust: one example neuron a seed,
        in the dictionary basis.
    """

    experiment: str
    config: dict[str, Any]
    radius: float
    robustness: pd.DataFrame
    neurons: pd.DataFrame
    history: pd.DataFrame
    coordinates: pd.DataFrame


TABLES = ("robustness", "neurons", "history", "coordinates")

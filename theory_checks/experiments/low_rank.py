"""Adversarial training whose update of the clean weights has a bounded rank, beside the unrestricted one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from purifyjax.attacks import Ball
from purifyjax.training import Training


@dataclass(frozen=True)
class LowRank:
    """Clean nets, and what adversarial training makes of each with updates of several ranks.

    Attributes:
      training: of the net that the claim is judged on; its `rank` is set later.
      radius: τ, at which all nets are judged, in ℓ2.
      seeds: how many of the profile's seeds.
      ranks: r, increasing.
      contrasts: m/d of further nets, which are trained in the same way and not judged.
      points: fresh points a seed.
      attack_steps: of APGD, once from x and once from afar.
    """

    training: Training
    radius: float
    seeds: int
    ranks: tuple[int, ...] = (1, 8, 32, 64)
    contrasts: tuple[int, ...] = (3,)
    points: int = 1536
    attack_steps: int = 15
    name: str = "low-rank"

    @property
    def ball(self) -> Ball:
        """{δ : ‖δ‖ ≤ τ}."""
        return Ball(self.radius)

    @property
    def nets(self) -> dict[str, Training]:
        """The net that is judged, and the contrasts by name."""
        d = self.training.data.dimension
        return {"theory": self.training} | {
            f"theory, m = {ratio} d": self.training.replace(neurons=ratio * d) for ratio in self.contrasts
        }


# Chance decides how many neurons win a feature, m/d on average, and evening them out takes an update of every feature
# on its own: m/d is large, so that there is little to even out, and clean training long, so that no feature is missing.
SIZE: dict[str, Any] = {
    "dimension": 128,
    "sparsity": 9,
    "neurons": 12 * 128,
    "peak": 4.0,
    "pace": 1.0,
    "batch_size": 256,
}


def low_rank_task(training: Training, radius: float, *, seeds: int, **size: Any) -> LowRank:
    """The experiment with the default experiment's clean training at `SIZE`, and its radius τ.

    Adversarial training is shorter and slower than there. It was chosen by the robust accuracy of unrestricted training
    alone, which so many neurons bring near its end within these steps.
    """
    warm, _, last = training.robust
    warm = warm.replace(steps=100, batch_size=128, learning_rate=0.036, learning_rate_end=0.09, threshold_end=1.0)
    last = last.replace(steps=150, batch_size=128, learning_rate=0.12, learning_rate_end=0.012)
    last = last.replace(threshold=0.7, threshold_end=0.7)
    return replace(LowRank(training.replace(robust=(warm, last)), radius, seeds), **size)

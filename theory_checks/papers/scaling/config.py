"""The sizes that exponents are fitted over."""

from __future__ import annotations

from dataclasses import dataclass, field

from purifyjax.tasks.purification import Purification
from theory_checks.experiment import Experiment

BASE, K_AT_BASE = 64, 9.2
# Cells of a seed at a dimension: small nets are cheap, and differ more from each other.
REPLICAS = {64: 8, 128: 8, 256: 4, 512: 2}


@dataclass(frozen=True, kw_only=True)
class ScalingConfig(Experiment):
    """The default recipe over dimensions and sparsities k = ⌊9.2 (d/64)^a⌋.

    Feature formation takes steps in proportion to d: with as many at every d the mixture's constant C drifts, and the
    radii with it.

    Attributes:
      dimensions: d, increasing.
      exponents: a; the paper's range is 0 < a ≤ ½, with a gap between clean and robust radii above ⅓.
      pace: number of steps at d = 1024, relative to the default schedule; in proportion to d elsewhere.
      task: all other settings of a cell.
    """

    name: str = "scaling"
    dimensions: tuple[int, ...] = (64, 128, 256, 512, 1024)
    exponents: tuple[float, ...] = (0.36, 0.42, 0.48)
    pace: float = 2.0
    task: Purification = field(default_factory=Purification)

    @property
    def setting(self) -> str:
        return (
            f"d from {self.dimensions[0]} to {self.dimensions[-1]}, k = ⌊{K_AT_BASE:g} (d/{BASE})^a⌋, "
            f"a in {', '.join(f'{a:g}' for a in self.exponents)}, m = {self.task.width} d, "
            f"γ = {self.task.margin:g} σ, τ = {self.task.radius:g} σ/√k"
        )

    def at(self, dimension: int, exponent: float) -> Purification:
        """The cell's task."""
        sparsity = int(K_AT_BASE * (dimension / BASE) ** exponent)
        return self.task.replace(dimension=dimension, sparsity=sparsity, pace=self.pace * dimension / 1024)

    def replicas(self, dimension: int) -> int:
        """Cells of a seed."""
        return REPLICAS.get(dimension, 1)

"""Adversarial training whose update of the clean weights has a bounded rank, beside the unrestricted one."""

from __future__ import annotations

from dataclasses import dataclass

from purifyjax.balls import Ball
from purifyjax.training import Training, validate
from theory_checks.experiment import AtRadius

# The net that is judged.
JUDGED = "theory"


@dataclass(frozen=True, kw_only=True)
class LowRankConfig(AtRadius):
    """Clean nets, and what adversarial training makes of each with updates of several ranks.

    Attributes:
      training: of the net that the claim is judged on; its `rank` is set later.
      radius: τ, at which all nets are judged, in ℓ2.
      ranks: r, increasing.
      contrasts: m/d of further nets, which are trained in the same way and not judged.
      points: fresh points a seed.
      attack_steps: of APGD, once from x and once from afar.
    """

    name: str = "low-rank"
    training: Training
    ranks: tuple[int, ...] = (1, 8, 32, 64)
    contrasts: tuple[int, ...] = (3,)
    points: int = 1536
    attack_steps: int = 15

    @property
    def ball(self) -> Ball:
        """{δ : ‖δ‖ ≤ τ}."""
        return Ball(self.radius)

    @property
    def nets(self) -> dict[str, Training]:
        """The net that is judged, and the contrasts by name."""
        d = self.training.data.dimension
        return {JUDGED: self.training} | {
            f"{JUDGED}, m = {ratio} d": self.training.replace(neurons=ratio * d) for ratio in self.contrasts
        }

    def all_ranks(self, net: str) -> tuple[int, ...]:
        """Of a net's updates, with 0 for the clean net first and the full rank last."""
        return (0, *self.ranks, min(self.nets[net].neurons, self.training.data.dimension))

    @property
    def setting(self) -> str:
        data = self.training.data
        sizes = " and ".join(str(training.neurons) for training in self.nets.values())
        return f"low-rank updates: d = {data.dimension}, k = {data.sparsity}, m = {sizes}, ℓ2 radius {self.radius:.4g}"

    def validate(self) -> None:
        for training in self.nets.values():
            validate(training.replace(rank=max(self.ranks)))

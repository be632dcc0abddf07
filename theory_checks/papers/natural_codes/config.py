"""What the experiment on codes of photographs is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from purifyjax.data import NaturalCodes, validate_natural
from purifyjax.training import Training
from purifyjax.training.recipes import MARGIN, feature_purification
from theory_checks.experiment import Experiment
from theory_checks.measuring.attacked import Evaluation
from theory_checks.measuring.neurons import NeuronStatistics

# Kinds of codes: as coded, the same with every coordinate shuffled over the samples, the theory's own distribution.
REAL, SHUFFLED, IDEAL = KINDS = ("natural", "natural-shuffled", "natural-ideal")


@dataclass(frozen=True)
class TheoryNet:
    """The theorem's network and its training, at the codes' d and their k, the mean ‖z‖₀ of the training half.

    Attributes:
      neurons: m.
      margin: γ in standard deviations σ of ⟨w*, z⟩, those of the theory's distribution at the same d and k.
      radius: τ of training, in units of σ/√k.
      clean_threshold: the clean stage's last one, in standard deviations of the pre-activation. Real values spread
        further than the theory's, and more of them are small: a threshold that rises at the end silences neurons.
      pace, batch_size: of the recipe, see `feature_purification`.
    """

    neurons: int = 768
    margin: float = MARGIN
    radius: float = 0.9
    clean_threshold: float = 3.6
    pace: float = 0.35
    batch_size: int = 256

    def training(self, dimension: int, sparsity: int) -> tuple[Training, float]:
        """The training on the theory's own distribution at this d and k, and its radius τ."""
        return feature_purification(
            dimension=dimension,
            sparsity=sparsity,
            neurons=self.neurons,
            margin=self.margin,
            radius=self.radius,
            clean_threshold=self.clean_threshold,
            pace=self.pace,
            batch_size=self.batch_size,
        )


@dataclass(frozen=True)
class CodeStatistics:
    """How it is told what codes are like.

    Attributes:
      even: E z_j² counts as Θ(1/d) within this factor of its mean.
      largest_lift, lift_bins: of the histogram of lifts, which starts at 0; its last bin holds all beyond.
      resamples: of the pictures' squares, for intervals of what the real codes are like.
      seed: of the resampling.
    """

    even: float = 4.0
    largest_lift: float = 3.0
    lift_bins: int = 60
    resamples: int = 200
    seed: int = 0

    @property
    def lift_edges(self) -> np.ndarray:
        """The edges of the histogram's bins."""
        return np.linspace(0.0, self.largest_lift, self.lift_bins + 1)


@dataclass(frozen=True, kw_only=True)
class NaturalConfig(Experiment):
    """One clean and one adversarial training on each kind of codes, all by the same recipe.

    Attributes:
      codes: which patches are coded, and how; d is the number of its atoms.
      controls: key of the shuffles and of the theory's own codes.
      net: the network and its training.
      monitored_points, monitored_steps: fresh points a seed, and steps of PGD at τ, of the accuracies through training.
      judged: the radius that the claims look at, in units of τ.
      evaluation, neurons: how nets are measured.
      statistics: how codes are described.
      pictured: how many atoms are kept as pictures.
    """

    name: str = REAL
    codes: NaturalCodes = NaturalCodes()
    controls: int = 0xC0DE
    net: TheoryNet = TheoryNet()
    monitored_points: int = 256
    monitored_steps: int = 5
    judged: float = 1.0
    evaluation: Evaluation = Evaluation(points=1024, curve_points=256, restarts=2)
    neurons: NeuronStatistics = NeuronStatistics()
    statistics: CodeStatistics = CodeStatistics()
    pictured: int = 60

    @property
    def dimension(self) -> int:
        """d."""
        return self.codes.atoms

    @property
    def setting(self) -> str:
        return (
            f"codes of photographs: d = {self.dimension}, m = {self.net.neurons}, γ = {self.net.margin:.3g} σ, "
            f"ℓ2 radius τ = {self.judged * self.net.radius:.3g} σ/√k"
        )

    def at_scale(self, scale: float) -> Self:
        return replace(self, judged=scale * self.judged)

    def validate(self) -> None:
        validate_natural(self.codes)

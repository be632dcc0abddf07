"""The theorem's network on codes of photographs, beside two controls: shuffled codes, and the theory's own."""

from __future__ import annotations

from dataclasses import dataclass, replace

from purifyjax.data.natural import NaturalCodes

# Kinds of codes: as coded, the same with every coordinate shuffled over the samples, the theory's own distribution.
REAL, SHUFFLED, IDEAL = KINDS = ("natural", "natural-shuffled", "natural-ideal")


@dataclass(frozen=True)
class NaturalTask:
    """One clean and one adversarial training on each kind of codes, all by the same recipe.

    Attributes:
      name: of the experiment and its files.
      codes: which patches are coded, and how; d is the number of its atoms, k the mean ‖z‖₀ of its training half.
      neurons: m.
      margin: γ in standard deviations σ of ⟨w*, z⟩, those of the theory's distribution at the same d and k.
      radius: τ of training, in units of σ/√k.
      judged: the radius that the claims look at, in units of τ.
      peak: the clean stage's last threshold, in standard deviations of the pre-activation. Real values spread further
        than the theory's, and more of them are small: a threshold that rises at the end silences neurons on them.
      pace, batch_size: of the recipe, see `feature_purification`.
      points, curve_points: evaluation points a seed, for the claims' accuracies and for the curves.
      attack_steps, attack_restarts: of APGD.
      resamples: of the picture's squares, for intervals of what the codes are like.
      pictured: how many atoms are kept as pictures.
      seeds: how many of the profile's seeds.
    """

    name: str = REAL
    codes: NaturalCodes = NaturalCodes()
    neurons: int = 768
    margin: float = 1.5
    radius: float = 0.9
    judged: float = 1.0
    peak: float = 3.6
    pace: float = 0.5
    batch_size: int = 256
    points: int = 1024
    curve_points: int = 256
    attack_steps: int = 15
    attack_restarts: int = 2
    resamples: int = 200
    pictured: int = 60
    seeds: int = 4

    def scaled(self, scale: float) -> NaturalTask:
        """The same nets, judged at another radius."""
        return replace(self, judged=self.judged * scale)

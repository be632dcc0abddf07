"""What is tried of the simpler classes, and how hard."""

from __future__ import annotations

from dataclasses import dataclass, field

from purifyjax.attacks import FGM, PGD, Attack
from purifyjax.balls import Ball
from theory_checks.measuring.two_layer import OfTraining

Adversaries = tuple[tuple[str, Attack | None, float], ...]  # name, attack, its radius in units of τ
FGM_AT, FGM_HALF = ("FGM", FGM(), 1.0), ("FGM at τ/2", FGM(), 0.5)


@dataclass(frozen=True)
class Search:
    """How hard the simpler classes are searched.

    Attributes:
      adversaries: of the trainings that every model goes through, by name. At τ the least adversarial loss of a class
        may be that of f = 0; half of τ leaves something to learn.
      wide_adversaries: of tangent kernels wider than the network, or with its own gates.
      steps, cheap_steps, wide_steps: of a fit, of one whose model has a handful of parameters, and of wide kernels.
      batch_size: of every step's fresh batch.
      rates: learning rates of Adam; the larger models take the first.
      quadratic_rates, cubic_rates: those of the symmetric polynomials; quadratics are bounded as a class anyway.
      coordinate_degrees: of the polynomials a coordinate that are fitted, at the last of the cubic rates.
      tangent: widths of the tangent kernels in units of the network's, with thresholds in standard deviations, or None
        for the gates that the network's own training begins with.
      tangent_rate: their learning rate, times the width.
      features: (m, threshold in standard deviations) of the random features.
      pilot_points: fresh points that the sizes of terms, weights and thresholds are taken from.
      linear_points, kernel_points: training points a seed of the linear classifiers and the kernel predictor.
      decays: weight decays of the linear classifiers.
      ridge: of the kernel predictor, in units of ‖x‖².
      degrees: of the polynomials a coordinate that are searched for robust accuracy, odd and increasing.
      tuning_points, members, rounds: of that search.
    """

    adversaries: Adversaries = (("clean", None, 0.0), FGM_AT, FGM_HALF, ("PGD", PGD.for_training(3), 1.0))
    wide_adversaries: Adversaries = (FGM_AT, FGM_HALF)
    steps: int = 120
    cheap_steps: int = 200
    wide_steps: int = 40
    batch_size: int = 128
    rates: tuple[float, ...] = (3e-4, 3e-3)
    quadratic_rates: tuple[float, ...] = (0.3,)
    cubic_rates: tuple[float, ...] = (0.03, 0.3)
    coordinate_degrees: tuple[int, ...] = (5, 7)
    tangent: tuple[tuple[int, float | None], ...] = ((1, 1.0), (1, None), (2, 1.0), (2, None), (4, 1.0), (4, None))
    tangent_rate: float = 0.04
    features: tuple[tuple[int, float], ...] = ((2048, 1.0),)
    pilot_points: int = 1024
    linear_points: int = 1024
    kernel_points: int = 768
    decays: tuple[float, ...] = (1e-4, 1e-2)
    ridge: float = 1e-2
    degrees: tuple[int, ...] = (3, 5, 7, 9, 11)
    tuning_points: int = 400
    members: int = 384
    rounds: int = 4


@dataclass(frozen=True, kw_only=True)
class ClassesConfig(OfTraining):
    """The simpler classes on the data of a network that is trained as in feature purification.

    Attributes:
      training: of the network that stands beside them.
      radius: τ, at which they are judged, in ℓ2.
      monitored_radius: the radius of robust accuracy through the network's training; it belongs to the training run.
      search: what is fitted.
      points: fresh points a seed that are attacked.
      curve: further radii, increasing, in units of τ.
      attack_steps: of APGD, once from x and once from afar.
      bound_points: of the bound for every linear classifier.
    """

    name: str = "classes"
    search: Search = field(default_factory=Search)
    points: int = 400
    curve: tuple[float, ...] = (0.25, 0.5, 0.75)
    attack_steps: int = 15
    bound_points: int = 1 << 17

    @property
    def radii(self) -> tuple[float, ...]:
        """From 0 to τ."""
        return tuple(factor * self.radius for factor in (0.0, *self.curve, 1.0))

    @property
    def ball(self) -> Ball:
        """{δ : ‖δ‖ ≤ τ}."""
        return Ball(self.radius)

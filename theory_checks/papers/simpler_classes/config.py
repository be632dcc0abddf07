"""What is tried of the simpler classes, and how hard."""

from __future__ import annotations

from dataclasses import dataclass, field

from purifyjax.attacks import FGM, PGD, Attack
from purifyjax.balls import Ball
from purifyjax.training import Training, validate
from theory_checks.experiment import AtRadius
from theory_checks.measuring.two_layer import setting

Adversaries = tuple[tuple[str, Attack | None], ...]


@dataclass(frozen=True)
class Search:
    """How hard the simpler classes are searched.

    Attributes:
      adversaries: of the trainings that every model goes through, by name.
      steps, cheap_steps: of a fit, and of one whose model has a handful of parameters.
      batch_size: of every step's fresh batch.
      rates: learning rates of Adam; the larger models take the first.
      quadratic_rates, cubic_rates: those of the symmetric polynomials; quadratics are bounded as a class anyway.
      tangent, features: (m, threshold in standard deviations) of the tangent kernels and the random features.
      pilot_points: fresh points that the sizes of terms, weights and thresholds are taken from.
      linear_points, kernel_points: training points a seed of the linear classifiers and the kernel predictor.
      decays: weight decays of the linear classifiers.
      ridge: of the kernel predictor, in units of ‖x‖².
    """

    adversaries: Adversaries = (("clean", None), ("FGM", FGM()), ("PGD", PGD.for_training(3)))
    steps: int = 120
    cheap_steps: int = 200
    batch_size: int = 128
    rates: tuple[float, ...] = (3e-4, 3e-3)
    quadratic_rates: tuple[float, ...] = (0.3,)
    cubic_rates: tuple[float, ...] = (0.03, 0.3)
    tangent: tuple[tuple[int, float], ...] = ((1024, 1.0), (2048, 2.0))
    features: tuple[tuple[int, float], ...] = ((2048, 1.0),)
    pilot_points: int = 1024
    linear_points: int = 1024
    kernel_points: int = 768
    decays: tuple[float, ...] = (1e-4, 1e-2)
    ridge: float = 1e-2


@dataclass(frozen=True, kw_only=True)
class ClassesConfig(AtRadius):
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
    training: Training
    monitored_radius: float
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

    @property
    def dimension(self) -> int:
        """d."""
        return self.training.data.dimension

    @property
    def setting(self) -> str:
        return setting(self.training, self.radius)

    def validate(self) -> None:
        validate(self.training)

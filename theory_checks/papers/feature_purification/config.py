"""What an experiment of feature purification is, and its sizes by profile."""

from __future__ import annotations

from dataclasses import dataclass, field

from purifyjax.balls import Ball, Norm
from purifyjax.training import Training
from theory_checks.measuring.attacked import Evaluation
from theory_checks.measuring.neurons import NeuronStatistics
from theory_checks.measuring.two_layer import OfTraining


@dataclass(frozen=True)
class Certification:
    """How the robust net is certified.

    Attributes:
      radii: in units of τ; empty for none.
      points: fresh points a seed; as many as of the curve if None.
      steps, restarts: of APGD, the upper bound beside the certificate.
      lowering: see `purifyjax.certify.certify`; in ℓ∞ more cells stay open than the dear bound can pay for.
    """

    radii: tuple[float, ...] = ()
    steps: int = 15
    restarts: int = 4
    lowering: tuple[float, ...] = (0.8,)
    points: int | None = None


@dataclass(frozen=True)
class Perturbations:
    """How the strongest perturbations are found.

    Attributes:
      points: fresh points a seed.
      restarts: of APGD: from x and from afar.
    """

    points: int = 256
    restarts: int = 2


@dataclass(frozen=True)
class Surgery:
    """How operated nets are attacked.

    Attributes:
      points: fresh points a seed, at most: blocks are dear only where a bound is near.
      compared: of them, those on which outcomes are compared with the untouched net's.
      first: points after which it is first looked at whether they are enough for the claims' bounds.
      radii: in units of τ, increasing.
      steps, restarts: of APGD.
      dial: thresholds c that the nets are turned to, in standard deviations of the pre-activation.
      dial_points: fresh points a seed for their accuracies.
      certified_points: fresh points a seed for certificates of the clean net without its mixture.
    """

    points: int = 4096
    compared: int = 1024
    first: int = 256
    radii: tuple[float, ...] = (0.8, 1.0)
    steps: int = 15
    restarts: int = 2
    dial: tuple[float, ...] = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0)
    dial_points: int = 256
    certified_points: int = 64


@dataclass(frozen=True, kw_only=True)
class PurificationConfig(OfTraining):
    """Clean and adversarial training of the theorem's network, and the ball that it is judged in.

    Attributes:
      training: the whole run, w⁰ → w → w′.
      radius: τ, at which its claims are judged.
      norm: of the perturbations, in training and in evaluation.
      monitored_radius: the radius of robust accuracy through training; it belongs to the training run.
      evaluation, perturbations, certification, neurons: how it is measured.
      twin: of a dense M, the identity's training and the radius that it is monitored at: its clean nets, rotated,
        are the dense ones. None where clean nets are trained.
      surgery: how nets are operated on, and a net trained on without an adversary; None for no surgery.
    """

    norm: Norm = "l2"
    evaluation: Evaluation = Evaluation()
    perturbations: Perturbations = Perturbations()
    certification: Certification = field(default_factory=Certification)
    neurons: NeuronStatistics = NeuronStatistics()
    surgery: Surgery | None = None
    twin: tuple[Training, float] | None = None

    @property
    def ball(self) -> Ball:
        """{δ : ‖δ‖ ≤ τ}."""
        return Ball(self.radius, self.norm)

    @property
    def setting(self) -> str:
        if self.norm == "linf":
            return f"ℓ∞ radius ε = {self.radius:.4g} (M dense)"
        return super().setting

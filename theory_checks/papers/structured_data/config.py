"""What the patch experiments are: one data set and network a number of classes, and the race of the features."""

from __future__ import annotations

from dataclasses import dataclass, field

import jax

from purifyjax.attacks import FGM, PGD
from purifyjax.balls import Ball, Norm
from purifyjax.data import Patches, validate_patches
from purifyjax.models import PatchCNN
from purifyjax.training import Recipe, validate_recipe
from theory_checks.experiment import AtRadius, Experiment
from theory_checks.measuring.attacked import Evaluation


@dataclass(frozen=True)
class PatchEvaluation(Evaluation):
    """How hard patch networks are attacked and certified.

    Attributes:
      pgd_steps: of PGD.
      inject_steps: of PGD from another class's feature in every patch.
      queries: of the square attack.
      universal_times: points under the universal direction, in units of `points`: it takes many to show a share
        below 1%.
      certified: radii, in units of ε.
    """

    points: int = 1024
    curve_points: int = 128
    curve: tuple[float, ...] = (0.5, 0.75, 1.0, 1.25, 1.5)
    chunk: int = 128  # most attacks on the clean nets see few points
    pgd_steps: int = 20
    inject_steps: int = 4
    queries: int = 50
    universal_times: int = 8
    certified: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, kw_only=True)
class PatchConfig(AtRadius):
    """A network trained on patch data, cleanly and adversarially, both from the same random start.

    Attributes:
      data: the distribution.
      filters, exponent, knee, init_scale: of the network, see `PatchCNN`.
      clean, robust: standard and adversarial training.
      samples: size of the fixed training sample.
      radius: ε of every patch, at which the claims are judged.
      evaluation: how the nets are attacked.
    """

    data: Patches
    filters: int
    exponent: int
    knee: float
    init_scale: float
    clean: Recipe
    robust: Recipe
    samples: int
    evaluation: PatchEvaluation = field(default_factory=PatchEvaluation)

    @property
    def norm(self) -> Norm:
        """Of every patch's perturbation."""
        return "l2"

    @property
    def ball(self) -> Ball:
        """{δ : ‖δ_p‖ ≤ ε for every patch p}."""
        return Ball(self.radius, self.norm, self.data.patches)

    @property
    def setting(self) -> str:
        data = self.data
        return (
            f"patches, K = {data.classes}: P = {data.patches}, P_R = {data.robust_patches}, "
            f"α = {data.robust_strength:g}, β = {data.nonrobust_strength:g}, q = {self.exponent}, "
            f"ε = {self.radius:.4g} a patch"
        )

    def network(self, precision: jax.lax.Precision | None = None) -> PatchCNN:
        """The untrained network."""
        k, p = self.data.classes, self.data.patches
        return PatchCNN(k, self.filters, p, self.exponent, self.knee, self.init_scale, precision)

    def recipe(self, net: str) -> Recipe:
        """Of the "clean" or the "robust" net."""
        return self.clean if net == "clean" else self.robust

    def validate(self) -> None:
        validate_patches(self.data)
        for recipe in (self.clean, self.robust):
            validate_recipe(recipe, self.samples)


@dataclass(frozen=True, kw_only=True)
class RaceConfig(Experiment):
    """Many small trainings without noise, to find the β at which the non-robust feature overtakes the robust one.

    Attributes:
      classes, patches, robust_patches, dimension: of the data.
      filters, exponent, knee, init_scale: of the network.
      recipe: of every training; its radius is set to each of `radii`.
      radii: ε.
      strengths: β, increasing.
    """

    classes: int = 2
    patches: int = 32
    robust_patches: int = 2
    dimension: int = 8
    filters: int = 20
    exponent: int = 3
    knee: float = 1.0
    init_scale: float = 0.01
    recipe: Recipe = Recipe(steps=300, learning_rate=0.3, clip=1.0, adversary=FGM(), parts=32)
    radii: tuple[float, ...] = (0.0, 0.05, 0.1, 0.2, 0.3)
    strengths: tuple[float, ...] = tuple(round(0.2 + 0.025 * i, 3) for i in range(23))

    def network(self) -> PatchCNN:
        """The untrained network."""
        return PatchCNN(self.classes, self.filters, self.patches, self.exponent, self.knee, self.init_scale)

    def data(self) -> Patches:
        """The distribution; β is set later."""
        return Patches(self.classes, self.patches, self.robust_patches, self.dimension)

    def validate(self) -> None:
        validate_patches(self.data())
        validate_recipe(self.recipe, self.classes)


def patch_setting(classes: int) -> dict:
    """The fields of the patch experiment with K classes.

    Two conditions pull against each other. Standard training must prefer v: while pre-activations are mostly noise
    (σ√d large against α), a feature's pull grows as its strength squared, so P_NR β² ≳ P_R α² suffices for v to
    lead. Robustness at ε > β needs that another class's u, put into all patches by the adversary, stays below the own
    one: P_NR ε^q ≪ P_R (α − ε)^q. Without noise the first reads P_NR β^q ≫ P_R α^q, and then no network of pure robust
    features meets the second. Many patches, a large q, and ε just above β leave room between the two.
    """
    noise_length, start = 4.5, 0.18  # σ√d, and the first pre-activations in units of the knee
    knee, dimension, radius = 1.7, 64, 0.21
    data = Patches(
        classes=classes,
        patches=25,
        robust_patches=1,
        dimension=dimension,
        nonrobust_strength=0.185,
        noise=noise_length / dimension**0.5,
    )
    robust = Recipe(
        steps=1600,
        learning_rate=0.4 * knee / 0.05,
        clip=0.05,
        batch_size=64,
        adversary=PGD.for_training(2, start="distant"),
        radius=radius,
        parts=data.patches,
        clean_steps=70,
    )
    return {
        "name": f"patches-{classes}",
        "data": data,
        # With 10 filters for each of two classes adversarial training lost a class at 3 of 16 seeds, with 20 at none.
        "filters": max(10, 40 // classes),
        "exponent": 6,
        "knee": knee,
        "init_scale": start * knee / noise_length,
        # Early gradients are tiny, σ' being polynomial: long steps there, shortened gradients later.
        "clean": Recipe(steps=600, learning_rate=0.3 * knee / 1e-6, clip=1e-6, batch_size=128),
        "robust": robust,
        "samples": 8000,
        "radius": radius,
    }

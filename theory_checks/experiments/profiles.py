"""The profiles: what is trained, on how many seeds, and how many points are attacked.

All claims of a profile share one distribution, one radius τ and one clean run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from purifyjax.attacks import Ball
from purifyjax.attacks.balls import Norm
from purifyjax.data import SparseCoding, label_std, second_moment
from purifyjax.data.images import Name
from purifyjax.errors import require
from purifyjax.training import Phase, Training
from theory_checks.experiments.images import ImageTask, image_tasks
from theory_checks.experiments.low_rank import SIZE, LowRank, low_rank_task
from theory_checks.experiments.natural import NaturalTask
from theory_checks.experiments.patches import PatchTask, Race, patch_task


@dataclass(frozen=True)
class Experiment:
    """A training run by name, and the ball that it is judged in.

    Attributes:
      name: of the experiment and of its trajectory file.
      training: its config.
      seeds: how many of the profile's seeds it trains.
      radius: τ, at which its claims are judged.
      norm: of the perturbations, in training and in evaluation.
      certified: radii at which the robust net is certified, in units of τ.
      monitored_radius: the radius of robust accuracy through training; it belongs to the training run.
    """

    name: str
    training: Training
    seeds: int
    radius: float
    norm: Norm = "l2"
    certified: tuple[float, ...] = ()
    monitored_radius: float = 0.0

    @property
    def ball(self) -> Ball:
        """{δ : ‖δ‖ ≤ τ}."""
        return Ball(self.radius, self.norm)

    @property
    def clean_training(self) -> Training:
        """The clean stage alone: experiments for which it is the same share its nets."""
        return self.training.replace(robust=())


@dataclass(frozen=True)
class Classes:
    """How hard the simpler classes are tried on the default experiment's data.

    Attributes:
      seeds: how many of the profile's seeds.
      steps, cheap_steps: of a fit, and of one whose model has a handful of parameters.
      batch_size: of every step's fresh batch.
      rates: learning rates of Adam; the larger models take the first.
      tangent, features: (m, threshold in standard deviations) of the tangent kernels and the random features.
      points: fresh points a seed that are attacked.
      linear_points, kernel_points: training points a seed of the linear classifiers and the kernel predictor.
      bound_points: of the bound for every linear classifier.
    """

    seeds: int = 4
    steps: int = 120
    cheap_steps: int = 200
    batch_size: int = 128
    rates: tuple[float, ...] = (3e-4, 3e-3)
    tangent: tuple[tuple[int, float], ...] = ((1024, 1.0), (2048, 2.0))
    features: tuple[tuple[int, float], ...] = ((2048, 1.0),)
    points: int = 400
    linear_points: int = 1024
    kernel_points: int = 768
    bound_points: int = 1 << 17


@dataclass(frozen=True)
class Profile:
    """A size at which all claims are checked.

    Attributes:
      experiments: "default" first; the others start from its clean nets if they share its distribution.
      points: fresh points a seed for the claims' accuracies.
      curve_points: fresh points a seed for accuracy against radius, attacked and certified.
      attack_steps, attack_restarts: of APGD, the strongest attack.
      classes: the simpler classes that are fitted beside the network.
      patches: the patch experiments, with 2 and with 10 classes.
      race: which feature wins, and where.
      images: the experiments with convolutional nets.
      low_rank: adversarial training by updates of bounded rank.
      natural: the theorem's network on codes of photographs.
    """

    name: str
    summary: str
    experiments: tuple[Experiment, ...]
    points: int = 4096
    curve_points: int = 512
    attack_steps: int = 15
    attack_restarts: int = 3
    classes: Classes = Classes()
    patches: tuple[PatchTask, ...] = (patch_task(2, seeds=8), patch_task(10, seeds=8))
    race: Race = Race()
    images: tuple[ImageTask, ...] = image_tasks(seeds=8)
    low_rank: LowRank = field(default_factory=lambda: _low_rank(seeds=4))
    natural: NaturalTask = NaturalTask()

    @property
    def most_seeds(self) -> int:
        """Of any experiment."""
        return max(
            e.seeds for e in (*self.experiments, *self.patches, self.race, *self.images, self.low_rank, self.natural)
        )

    @property
    def radius(self) -> float:
        """τ of the default experiment, in ℓ2."""
        return self.experiments[0].radius

    @property
    def setting(self) -> str:
        """The distribution, the network, γ and τ in one line: no verdict stands without them."""
        training = self.experiments[0].training
        data, sigma = training.data, label_std(training.data)
        other = {e.norm: e.radius for e in self.experiments if e.norm != "l2"}
        return "; ".join(
            (
                f"d = {data.dimension}, k = {data.sparsity}, m = {training.neurons}",
                f"|z_j| in [1/√k, {data.value_max:g}/√k]",
                f"|⟨w*, z⟩| ≥ γ = {data.margin:.3g} = {data.margin / sigma:.3g} σ (γ = 0 is the paper's model)",
                f"ℓ2 radius τ = {self.radius:.4g}",
                *(f"ℓ∞ radius ε = {radius:.4g} (M dense)" for radius in other.values()),
                *(task.setting for task in self.patches),
            )
        )

    def clean_seeds(self, experiment: Experiment) -> int:
        """How many seeds the clean stage of an experiment serves, over all experiments that share it."""
        return max(e.seeds for e in self.experiments if e.clean_training == experiment.clean_training)

    def with_seeds(self, seeds: int) -> Profile:
        """The same profile with every experiment on `seeds` seeds."""
        experiments = tuple(replace(e, seeds=seeds) for e in self.experiments)
        return replace(
            self,
            experiments=experiments,
            classes=replace(self.classes, seeds=seeds),
            patches=tuple(replace(task, seeds=seeds) for task in self.patches),
            race=replace(self.race, seeds=seeds),
            images=tuple(replace(task, seeds=seeds) for task in self.images),
            low_rank=replace(self.low_rank, seeds=seeds),
            natural=replace(self.natural, seeds=seeds),
        )

    def on_images(self, dataset: Name, directory: Path | None) -> Profile:
        """The same profile with its convolutional nets on another data set."""
        most = max(task.seeds for task in self.images)
        return replace(self, images=image_tasks(seeds=most, dataset=dataset, directory=directory))

    def at_radius(self, radius: float) -> Profile:
        """The same nets judged at another ℓ2 radius; the radii of the other experiments move in proportion."""
        scale = radius / self.radius
        return replace(
            self,
            experiments=tuple(replace(e, radius=e.radius * scale) for e in self.experiments),
            patches=tuple(replace(task, radius=task.radius * scale) for task in self.patches),
            images=tuple(task.scaled(scale) for task in self.images),
            low_rank=replace(self.low_rank, radius=self.low_rank.radius * scale),
            natural=self.natural.scaled(scale),
        )


def feature_purification(
    *,
    dimension: int,
    sparsity: int,
    neurons: int,
    margin: float,
    radius: float,
    peak: float,
    pace: float,
    batch_size: int,
    norm: Norm = "l2",
) -> tuple[Training, float]:
    """The default experiment at a size, and its radius τ; lengths are in the problem's own units.

    Clean training: thresholds of 3 standard deviations of the pre-activation while features form, so that a
    neuron listens to few features and weight decay leaves it one; at the end a higher threshold, under which
    the mixture carries most of the margin. Adversarial training: a warm-up, in which the mixture goes (slower ones
    leave dense negative neurons that mask FGM), then frozen thresholds while the features grow; at the end higher ones
    and a larger radius, so that silent neurons are hard to wake.

    Args:
      margin: γ in standard deviations σ of ⟨w*, z⟩.
      radius: τ in units of σ/√k, the perturbation that spends itself on k features.
      peak: the clean stage's last threshold, in standard deviations of the pre-activation; the codes of size
        3/√k must stay above it.
      pace: number of steps, relative to the schedule at d = 1024.
      norm: of the perturbations. In ℓ∞ a dense unitary M takes the place of the identity, under which one entry would
        be one feature, and ε that of τ: ε ‖g‖₁ = τ ‖g‖₂ for the dense g that matter, so ε = τ √(π/2)/√d.
    """
    dictionary = "random" if norm == "linf" else "identity"
    data = SparseCoding(dimension=dimension, sparsity=sparsity, atom_rate=0.05, value_max=3.0, dictionary=dictionary)
    sigma = math.sqrt(float(second_moment(data)) * dimension)
    data = data.replace(margin=margin * sigma)
    tau = radius * sigma / math.sqrt(sparsity)
    if norm == "linf":
        tau *= math.sqrt(math.pi / 2 / dimension)

    def phase(steps: int, learning_rate: float, end: float | None = None, **rule) -> Phase:
        return Phase(max(50, 50 * round(pace * steps / 50)), batch_size, learning_rate, end, **rule)

    # A feature's gradient falls as 1/d: what decays it must not fall more slowly.
    decay = 1e-3 * min(1.0, 1024 / dimension)
    clean = (
        phase(200, 0.015, 0.3, threshold=3.3, weight_decay=decay),
        phase(400, 0.3, threshold=3.3, threshold_end=3.6, weight_decay=decay),
        phase(200, 0.3, 0.06, threshold=3.6, threshold_end=peak, weight_decay=decay),
    )
    # Training beyond τ leaves a reserve at τ: attacks also wake neurons that are silent, and without a gradient, at x.
    near, beyond, far = 0.94 * tau, 1.06 * tau, 1.35 * tau
    fgm: dict[str, Any] = {"adversary": "fgm", "norm": norm}
    robust = (
        phase(250, 0.12, 0.3, threshold=2.0, threshold_end=1.2, radius=near, **fgm),
        phase(500, 0.4, threshold_rule="frozen", radius=beyond, **fgm),
        phase(250, 0.4, 0.04, threshold=0.85, threshold_end=1.0, radius=far, **fgm),
    )
    return Training(data, neurons, clean, robust), tau


def with_pgd(training: Training, steps: int) -> Training:
    """The same run with PGD as the inner maximisation of its robust stage."""
    robust = tuple(phase.replace(adversary="pgd", adversary_steps=steps) for phase in training.robust)
    return training.replace(robust=robust)


MARGIN, RADIUS = 1.5, 0.90


def _low_rank(seeds: int) -> LowRank:
    """The low-rank experiment, at the γ and τ of all profiles."""
    training, radius = feature_purification(margin=MARGIN, radius=RADIUS, **SIZE)
    return low_rank_task(training, radius, seeds=seeds)


def _profile(name: str, summary: str, size: dict, seeds: int, pgd_seeds: int, linf_seeds: int, **evaluation) -> Profile:
    training, radius = feature_purification(margin=MARGIN, radius=RADIUS, **size)
    dense, epsilon = feature_purification(margin=MARGIN, radius=RADIUS, norm="linf", **size)
    pgd = with_pgd(training, steps=2)
    experiments = (
        Experiment("default", training, seeds, radius, "l2", (0.5, 0.75, 0.875, 1.0, 1.125), radius),
        Experiment("pgd", pgd, pgd_seeds, radius, monitored_radius=radius),
        Experiment("linf", dense, linf_seeds, epsilon, "linf", (0.25, 0.5, 0.75, 1.0), epsilon),
    )
    return Profile(name, summary, experiments, **evaluation)


PROFILES = {
    p.name: p
    for p in (
        _profile(
            "quick",
            "d = 256, k = 15, m = 768, 2 seeds: the picture in five minutes; several bounds need a larger d",
            {"dimension": 256, "sparsity": 15, "neurons": 768, "peak": 4.5, "pace": 0.5, "batch_size": 256},
            seeds=2,
            pgd_seeds=2,
            linf_seeds=2,
            classes=Classes(seeds=2, tangent=((1024, 1.0),), features=((1024, 1.0),), kernel_points=512),
            patches=(patch_task(2, seeds=2), patch_task(10, seeds=2)),
            race=Race(seeds=3),
            images=image_tasks(seeds=3),
            low_rank=_low_rank(seeds=2),
            natural=NaturalTask(seeds=2),
        ),
        _profile(
            "standard",
            "d = 1024, k = 31, m = 3072, 4 seeds: all claims at once, half an hour on two cores",
            {"dimension": 1024, "sparsity": 31, "neurons": 3072, "peak": 5.0, "pace": 1.0, "batch_size": 384},
            seeds=4,
            pgd_seeds=2,
            linf_seeds=2,
        ),
        _profile(
            "paper",
            "d = 4096, k = 63, m = 12288, 4 seeds: closer to the asymptotic regime, for a GPU or TPU",
            {"dimension": 4096, "sparsity": 63, "neurons": 12288, "peak": 6.5, "pace": 2.0, "batch_size": 768},
            seeds=4,
            pgd_seeds=2,
            linf_seeds=2,
            curve_points=2048,
            attack_restarts=8,
        ),
    )
}


def profile(name: str) -> Profile:
    """The profile of that name; `ConfigError` if there is none."""
    require(name in PROFILES, "--profile", name, f"one of {', '.join(PROFILES)}")
    return PROFILES[name]

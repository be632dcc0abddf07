"""The profiles: what is trained, on how many seeds, and how many points are attacked.

All claims of a profile share one distribution, one radius τ and one clean run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from purifyjax.data import SparseCoding, label_std, second_moment
from purifyjax.errors import require
from purifyjax.training import Phase, Training


@dataclass(frozen=True)
class Experiment:
    """A training run by name.

    Attributes:
      name: of the experiment and of its trajectory file.
      training: its config.
      seeds: how many of the profile's seeds it trains.
    """

    name: str
    training: Training
    seeds: int


@dataclass(frozen=True)
class Profile:
    """A size at which all claims are checked.

    Attributes:
      radius: τ, the ℓ2 radius of all claims.
      monitored_radius: the radius of robust accuracy through training; it belongs to the training run.
      experiments: "default" first; the others start from its clean nets.
      points: fresh points a seed for the claims' accuracies.
      curve_points: fresh points a seed for accuracy against radius.
      pgd_steps, pgd_restarts: of the strongest attack.
    """

    name: str
    summary: str
    radius: float
    monitored_radius: float
    experiments: tuple[Experiment, ...]
    points: int = 4096
    curve_points: int = 1024
    pgd_steps: int = 20
    pgd_restarts: int = 2

    @property
    def setting(self) -> str:
        """The distribution, the network, γ and τ in one line: no verdict stands without them."""
        training = self.experiments[0].training
        data, sigma = training.data, label_std(training.data)
        return "; ".join(
            (
                f"d = {data.dimension}, k = {data.sparsity}, m = {training.neurons}",
                f"|z_j| in [1/√k, {data.value_max:g}/√k]",
                f"|⟨w*, z⟩| ≥ γ = {data.margin:.3g} = {data.margin / sigma:.3g} σ (γ = 0 is the paper's model)",
                f"ℓ2 radius τ = {self.radius:.4g}",
            )
        )

    def with_seeds(self, seeds: int) -> Profile:
        """The same profile with every experiment on `seeds` seeds."""
        return replace(self, experiments=tuple(replace(e, seeds=seeds) for e in self.experiments))


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
) -> tuple[Training, float]:
    """The default experiment at a size, and its radius τ; lengths are in the problem's own units.

    Clean training: thresholds of 3 standard deviations of the pre-activation while features form, so that a
    neuron listens to few features and weight decay leaves it one; at the end a higher threshold, under which
    the mixture carries most of the margin. Adversarial training: a warm-up, in which the mixture goes (slower ones
    leave dense negative neurons that mask FGM), then frozen thresholds while the features grow.

    Args:
      margin: γ in standard deviations σ of ⟨w*, z⟩.
      radius: τ in units of σ/√k, the perturbation that spends itself on k features.
      peak: the clean stage's last threshold, in standard deviations of the pre-activation; the codes of size
        3/√k must stay above it.
      pace: number of steps, relative to the schedule at d = 1024.
    """
    data = SparseCoding(dimension=dimension, sparsity=sparsity, atom_rate=0.05, value_max=3.0)
    sigma = math.sqrt(float(second_moment(data)) * dimension)
    data = data.replace(margin=margin * sigma)
    tau = radius * sigma / math.sqrt(sparsity)

    def phase(steps: int, learning_rate: float, end: float | None = None, **rule) -> Phase:
        return Phase(max(50, 50 * round(pace * steps / 50)), batch_size, learning_rate, end, **rule)

    # A feature's gradient falls as 1/d: what decays it must not fall more slowly.
    decay = 1e-3 * min(1.0, 1024 / dimension)
    clean = (
        phase(200, 0.015, 0.3, threshold=3.3, weight_decay=decay),
        phase(400, 0.3, threshold=3.3, threshold_end=3.6, weight_decay=decay),
        phase(200, 0.3, 0.06, threshold=3.6, threshold_end=peak, weight_decay=decay),
    )
    near, beyond = 0.94 * tau, 1.06 * tau  # training a little beyond τ leaves a reserve at τ
    frozen = {"threshold_rule": "frozen", "adversary": "fgm", "radius": beyond}
    robust = (
        phase(250, 0.12, 0.3, threshold=2.0, threshold_end=1.2, adversary="fgm", radius=near),
        phase(500, 0.4, **frozen),
        phase(250, 0.4, 0.04, **frozen),
    )
    return Training(data, neurons, clean, robust), tau


def with_pgd(training: Training, steps: int) -> Training:
    """The same run with PGD as the inner maximisation of its robust stage."""
    robust = tuple(phase.replace(adversary="pgd", adversary_steps=steps) for phase in training.robust)
    return training.replace(robust=robust)


MARGIN, RADIUS = 1.5, 0.90


def _profile(name: str, summary: str, size: dict, seeds: int, pgd_seeds: int, **evaluation) -> Profile:
    training, radius = feature_purification(margin=MARGIN, radius=RADIUS, **size)
    experiments = (
        Experiment("default", training, seeds),
        Experiment("pgd", with_pgd(training, steps=2), pgd_seeds),
    )
    return Profile(name, summary, radius, radius, experiments, **evaluation)


PROFILES = {
    p.name: p
    for p in (
        _profile(
            "quick",
            "d = 256, k = 15, m = 768, 2 seeds: the picture in two minutes; several bounds need a larger d",
            {"dimension": 256, "sparsity": 15, "neurons": 768, "peak": 4.5, "pace": 0.5, "batch_size": 256},
            seeds=2,
            pgd_seeds=2,
            curve_points=512,
        ),
        _profile(
            "standard",
            "d = 1024, k = 31, m = 3072, 4 seeds: all claims at once, a quarter of an hour on two cores",
            {"dimension": 1024, "sparsity": 31, "neurons": 3072, "peak": 5.0, "pace": 1.0, "batch_size": 384},
            seeds=4,
            pgd_seeds=2,
            curve_points=512,
        ),
        _profile(
            "paper",
            "d = 4096, k = 63, m = 12288, 4 seeds: closer to the asymptotic regime, for a GPU or TPU",
            {"dimension": 4096, "sparsity": 63, "neurons": 12288, "peak": 6.5, "pace": 2.0, "batch_size": 768},
            seeds=4,
            pgd_seeds=2,
            curve_points=2048,
            pgd_steps=40,
            pgd_restarts=3,
        ),
    )
}


def profile(name: str) -> Profile:
    """The profile of that name; `ConfigError` if there is none."""
    require(name in PROFILES, "--profile", name, f"one of {', '.join(PROFILES)}")
    return PROFILES[name]

"""What a training run is: phases of clean training, then phases of adversarial training from there."""

from __future__ import annotations

from typing import Literal, get_args

from flax import struct

from purifyjax.balls import Norm
from purifyjax.data import SparseCoding
from purifyjax.data import validate as validate_data
from purifyjax.errors import require
from purifyjax.settings import Checked, Choice, Count, Real, Setting, not_negative, positive, require_settings, share
from purifyjax.training.adversary import BALL, Adversary, require_adversary

ThresholdRule = Literal["per_neuron", "uniform", "frozen"]
Optimizer = Literal["sgd", "adam"]
Decay = Literal["geometric", "linear", "cosine"]

# In the order in which they are checked.
_PHASE: dict[str, Setting] = {
    "steps": Count(),
    "batch_size": Count(),
    "learning_rate": Real("η > 0", positive),
    "learning_rate_end": Real("η > 0", positive, optional=True),
    "decay": Choice(get_args(Decay)),
    "sample_size": Count(optional=True),
    "threshold_rule": Choice(get_args(ThresholdRule)),
    "threshold": Real("b ≥ 0", not_negative),
    "threshold_end": Real("b ≥ 0", not_negative, optional=True),
    "adversary": Checked(require_adversary),
    "norm": BALL["norm"],
    "radius": BALL["radius"],
    "weight_decay": Real("λ ≥ 0", not_negative, "λ"),
    "cubic_decay": Real("λ ≥ 0", not_negative, optional=True),
    "smoothing": Real("σ_ρ ≥ 0", not_negative, optional=True),
}
_TRAINING: dict[str, Setting] = {
    "neurons": Count("m"),
    "init_scale": Real("σ₀ > 0", positive, "σ₀"),
    "optimizer": Choice(get_args(Optimizer)),
    "momentum": Real("0 ≤ momentum < 1", share),
    "rank": Count("r", optional=True),
}


class Phase(struct.PyTreeNode):
    """A stretch of training with one rule; values run from start to end over its steps.

    Static fields decide shapes or programs; the others are traced, so that sweeping them never
    recompiles. A missing `..._end` means constant.

    Attributes:
      steps, batch_size: static counts.
      sample_size: None draws a fresh batch at every step; N trains on one fixed sample of N points (static).
      learning_rate, learning_rate_end, decay: η and how it moves (geometric, linear or cosine).
      threshold_rule: how b_i follows (static):
        per_neuron  b_i = threshold · ‖w_i‖ · √(E z_j²), the threshold in standard deviations of ⟨w_i, x⟩;
        uniform     b_i = threshold for all neurons, the paper's growing bias;
        frozen      b_i stays as it is.
      adversary: the inner maximisation, an attack such as `FGM()` or `PGD.for_training(steps)`, or None, in the `norm`
        ball of `radius` τ (static).
      weight_decay, cubic_decay: λ₂ and λ₃ of the regulariser Σ_i (λ₂ ‖w_i‖²/2 + λ₃ ‖w_i‖³/3);
        λ₂ = λ₃ = λ is the paper's.
      smoothing: σ_ρ of the smoothing noise, drawn afresh for every example and neuron, or None for ρ = 0.
    """

    steps: int = struct.field(pytree_node=False)
    batch_size: int = struct.field(pytree_node=False)
    learning_rate: float
    learning_rate_end: float | None = None
    decay: Decay = struct.field(pytree_node=False, default="geometric")
    sample_size: int | None = struct.field(pytree_node=False, default=None)
    threshold_rule: ThresholdRule = struct.field(pytree_node=False, default="per_neuron")
    threshold: float = 0.0
    threshold_end: float | None = None
    adversary: Adversary = struct.field(pytree_node=False, default=None)
    norm: Norm = struct.field(pytree_node=False, default="l2")
    radius: float = 0.0
    weight_decay: float = 0.0
    cubic_decay: float | None = None
    smoothing: float | None = None

    def __post_init__(self) -> None:
        require_settings(self, _PHASE, made=True)


class Training(struct.PyTreeNode):
    """A whole run for one seed: data, network, optimiser, clean phases, then adversarial phases.

    Attributes:
      data: the distribution.
      neurons: m (static).
      init_scale: σ₀ of w_i⁰ ~ N(0, σ₀² I).
      optimizer: "sgd" (heavy ball) or "adam", from optax (static).
      momentum: of SGD, or Adam's β₁.
      clean, robust: the phases of the two stages.
      rank: bound r on the rank of w' − w, the change of the robust stage, see `low_rank`; None leaves it free (static).
        The clean stage is run with None.
    """

    data: SparseCoding
    neurons: int = struct.field(pytree_node=False)
    clean: tuple[Phase, ...]
    robust: tuple[Phase, ...]
    init_scale: float = 1e-3
    optimizer: Optimizer = struct.field(pytree_node=False, default="sgd")
    momentum: float = 0.9
    rank: int | None = struct.field(pytree_node=False, default=None)

    def __post_init__(self) -> None:
        require_settings(self, _TRAINING, made=True)


def validate(config: Training) -> None:
    """Raise `ConfigError` for a setting outside its range; traced values are not looked at."""
    require(isinstance(config, Training), "training", config, "a Training")
    validate_data(config.data)
    require_settings(config, _TRAINING)
    most = min(config.neurons, config.data.dimension)
    require(config.rank is None or config.rank <= most, "rank r", config.rank, f"1 ≤ r ≤ min(m, d) = {most}")
    for stage in ("clean", "robust"):
        phases = getattr(config, stage)
        alike = isinstance(phases, tuple | list) and all(isinstance(phase, Phase) for phase in phases)
        require(alike, stage, phases, "a tuple of Phases")
        for index, phase in enumerate(phases):
            _validate_phase(f"{stage}[{index}].", phase)


def _validate_phase(where: str, phase: Phase) -> None:
    require_settings(phase, _PHASE, where)
    size, batch = phase.sample_size, phase.batch_size
    require(size is None or size >= batch, where + "sample_size", size, f"at least the batch_size {batch}")

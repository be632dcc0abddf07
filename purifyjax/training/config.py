"""What a training run is: phases of clean training, then phases of adversarial training from there."""

from __future__ import annotations

from typing import Literal, get_args

from flax import struct

from purifyjax.balls import Norm
from purifyjax.data import SparseCoding
from purifyjax.data import validate as validate_data
from purifyjax.errors import require
from purifyjax.training.adversary import Adversary, require_adversary

ThresholdRule = Literal["per_neuron", "uniform", "frozen"]
Optimizer = Literal["sgd", "adam"]
Decay = Literal["geometric", "linear", "cosine"]


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


def validate(config: Training) -> None:
    """Raise `ConfigError` for a setting outside its range (concrete values only, not inside jit)."""
    validate_data(config.data)
    require(config.neurons >= 1, "neurons m", config.neurons, "m ≥ 1")
    require(config.init_scale > 0, "init_scale σ₀", config.init_scale, "σ₀ > 0")
    require(config.optimizer in get_args(Optimizer), "optimizer", config.optimizer, "sgd or adam")
    require(0 <= config.momentum < 1, "momentum", config.momentum, "0 ≤ momentum < 1")
    most = min(config.neurons, config.data.dimension)
    require(config.rank is None or 1 <= config.rank <= most, "rank r", config.rank, f"1 ≤ r ≤ min(m, d) = {most}")
    for stage, phases in (("clean", config.clean), ("robust", config.robust)):
        for index, phase in enumerate(phases):
            _validate_phase(f"{stage}[{index}].", phase)


def _validate_phase(where: str, phase: Phase) -> None:
    require(phase.steps >= 1, where + "steps", phase.steps, "at least 1")
    require(phase.batch_size >= 1, where + "batch_size", phase.batch_size, "at least 1")
    for name in ("learning_rate", "learning_rate_end"):
        value = getattr(phase, name)
        require(value is None or value > 0, where + name, value, "η > 0")
    require(phase.decay in get_args(Decay), where + "decay", phase.decay, "geometric, linear or cosine")
    require(
        phase.sample_size is None or phase.sample_size >= phase.batch_size,
        where + "sample_size",
        phase.sample_size,
        f"at least the batch_size {phase.batch_size}",
    )
    rules = get_args(ThresholdRule)
    require(phase.threshold_rule in rules, where + "threshold_rule", phase.threshold_rule, " or ".join(rules))
    for name in ("threshold", "threshold_end"):
        value = getattr(phase, name)
        require(value is None or value >= 0, where + name, value, "b ≥ 0")
    require_adversary(where + "adversary", phase.adversary)
    require(phase.norm in get_args(Norm), where + "norm", phase.norm, "l1, l2 or linf")
    require(phase.radius >= 0, where + "radius τ", phase.radius, "τ ≥ 0")
    require(phase.weight_decay >= 0, where + "weight_decay λ", phase.weight_decay, "λ ≥ 0")
    for name in ("cubic_decay", "smoothing"):
        value = getattr(phase, name)
        require(value is None or value >= 0, where + name, value, "at least 0")

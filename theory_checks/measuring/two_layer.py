"""The theorem's network and recipe, which several papers train: w⁰ → w cleanly → w′ adversarially."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from purifyjax.data import SparseCoding, acceptance_rate, instance, label_std
from purifyjax.margins import MarginOf
from purifyjax.models import NetMargin, SymmetricReLU
from purifyjax.sweep import seed_keys, train_stage
from purifyjax.training import Phase, Training, TrainState, initial_state, start_stage, validate
from purifyjax.training.trajectory import stage_keys
from theory_checks.experiment import Arrays, AtRadius, Nets, Seeds, Stage
from theory_checks.measuring.monitor import Monitor, monitored

NETS = ("clean", "robust")
CONTINUED = "continued"
# Of the default training, by profile, and a small one: k ≈ √d, m = 4 d, as many steps as features take to form.
SIZES: dict[str, dict[str, Any]] = {
    "small": {"dimension": 256, "sparsity": 16, "neurons": 1024, "pace": 0.5, "batch_size": 256},
    "quick": {"dimension": 512, "sparsity": 22, "neurons": 2048, "pace": 0.6, "batch_size": 256},
    "standard": {"dimension": 1024, "sparsity": 31, "neurons": 4096, "pace": 1.0, "batch_size": 384},
    "paper": {"dimension": 4096, "sparsity": 63, "neurons": 16384, "pace": 3.0, "batch_size": 768},
    "many": {"dimension": 128, "sparsity": 11, "neurons": 512, "pace": 1.0, "batch_size": 128},
}
# Selective nets: below the first d no τ leaves clean ones 1% and robust ones 99%, below the second clean ones 10%.
SHOWS_99_PERCENT, SHOWS_FRAGILE = 1024, 512


@dataclass(frozen=True, kw_only=True)
class OfTraining(AtRadius):
    """Base of experiments on one training of the theorem's network, judged in ℓ2 unless they say otherwise.

    Attributes:
      training: the whole run.
      monitored_radius: the radius of robust accuracy through training; it belongs to the training run.
    """

    training: Training
    monitored_radius: float

    @property
    def dimension(self) -> int:
        """d."""
        return self.training.data.dimension

    @property
    def setting(self) -> str:
        return setting(self.training, self.radius)

    def validate(self) -> None:
        validate(self.training)


def margin_of(neurons: int) -> MarginOf:
    """params -> margin function, in full float32 whatever the device's default."""
    return NetMargin(SymmetricReLU(neurons, precision=jax.lax.Precision.HIGHEST))


def parameters(net: Arrays) -> dict[str, jax.Array]:
    """Weights and thresholds with a leading seed axis."""
    return {name: jnp.asarray(net[name]) for name in ("weight", "threshold")}


def stages(training: Training, monitor: Monitor, *, prefix: str = "", config: Any = None) -> tuple[Stage, Stage]:
    """The clean stage and the robust one from its nets: weight, threshold and history_… of every seed.

    Args:
      prefix: of the stages' names.
      config: stands for the training in what the nets hang on, where the training holds large tables that follow
        from a small config.
    """
    bare = training.replace(robust=())

    def train(stage: str, seeds: Seeds, before: Nets, **options: Any) -> Arrays:
        keys = [jax.vmap(stage_keys)(seed_keys(seeds))[i] for i in range(3)]
        if stage == "clean":
            own, phases, key = bare, training.clean, keys[1]
            start = initial_states(training, seeds)
        else:
            own, phases, key = training, training.robust, keys[2]
            start = restarted(before[f"{prefix}clean"], training)
        return run(
            key,
            start,
            own,
            phases,
            monitor=monitored(margin_of(training.neurons), training.data, monitor, seeds),
            **options,
        )

    about = (training, monitor) if config is None else (config, monitor)
    clean = (bare, monitor) if config is None else about
    return (
        Stage(f"{prefix}clean", clean, sum(p.steps for p in training.clean), partial(train, "clean")),
        Stage(
            f"{prefix}robust",
            about,
            sum(p.steps for p in training.robust),
            partial(train, "robust"),
            after=(f"{prefix}clean",),
        ),
    )


def continued(training: Training, monitor: Monitor) -> Stage:
    """The control of the robust stage: the same steps on the same samples from the same clean nets, no adversary."""
    phases = tuple(phase.replace(adversary=None, radius=0.0) for phase in training.robust)
    own = training.replace(robust=phases)

    def train(seeds: Seeds, before: Nets, **options: Any) -> Arrays:
        keys, start = jax.vmap(stage_keys)(seed_keys(seeds))[2], restarted(before["clean"], own)
        return run(
            keys, start, own, phases, monitor=monitored(margin_of(own.neurons), own.data, monitor, seeds), **options
        )

    return Stage(CONTINUED, (own, monitor), sum(p.steps for p in phases), train, after=("clean",))


def initial_states(training: Training, seeds: Seeds) -> TrainState:
    """w⁰ of every seed."""
    keys = jax.vmap(stage_keys)(seed_keys(seeds))[0]
    return jax.lax.map(lambda key: initial_state(key, training), keys)


def restarted(net: Arrays, training: Training) -> TrainState:
    """Nets with fresh optimisers, for the next stage."""
    states = TrainState(jnp.array(net["weight"]), jnp.array(net["threshold"]), None)
    return jax.vmap(lambda state: start_stage(state, training))(states)


def run(keys: jax.Array, start: TrainState, training: Training, phases: Sequence[Phase], **options: Any) -> Arrays:
    """Train through the phases: weight, threshold and history_…, all with a leading seed axis."""
    result = train_stage(keys, start, training, phases, **options)
    end = {"weight": np.asarray(result.state.weight), "threshold": np.asarray(result.state.threshold)}
    return end | histories(result.history, len(keys))


def histories(history: Mapping[str, np.ndarray], seeds: int) -> Arrays:
    """The rows of a training by seed: history_step [seed, time] and history_…[seed, time, …]."""
    step = np.tile(history["step"], (seeds, 1))
    return {"history_step": step} | {
        f"history_{name}": np.moveaxis(values, 1, 0) for name, values in history.items() if name != "step"
    }


def fixed_arrays(data: SparseCoding) -> Arrays:
    """M and w* as arrays."""
    fixed = instance(data)
    d = len(fixed.label_weights)
    return {
        "label_weights": np.asarray(fixed.label_weights),
        "dictionary": np.eye(d, dtype=np.float32) if fixed.dictionary is None else np.asarray(fixed.dictionary),
    }


def named_arrays(nets: Nets, *, prefix: str = "") -> Arrays:
    """Nets of both stages in the form that other tools read: w_NET, b_NET, and history_NET_… with a leading time axis.

    Args:
      prefix: of the stages' names.
    """
    arrays: Arrays = {}
    for net in NETS:
        found = nets[f"{prefix}{net}"]
        arrays |= {f"w_{net}": found["weight"], f"b_{net}": found["threshold"]}
        arrays[f"history_{net}_step"] = found["history_step"][0]
        rows = {n: v for n, v in found.items() if n.startswith("history_") and n != "history_step"}
        arrays |= {n.replace("history_", f"history_{net}_"): np.moveaxis(v, 0, 1) for n, v in rows.items()}
    return arrays


def setting(training: Training, radius: float) -> str:
    """The distribution, the network, γ and τ in one line: no verdict stands without them."""
    data = training.data
    return (
        f"d = {data.dimension}, k = {data.sparsity}, m = {training.neurons}; "
        f"|z_j| in [1/√k, {data.value_max:g}/√k]; "
        f"|⟨w*, z⟩| ≥ γ = {data.margin:.3g} = {data.margin / label_std(data):.3g} σ, which keeps "
        f"{acceptance_rate(data):.0%} of the data (γ = 0 is the paper's model); "
        f"ℓ2 radius τ = {radius:.4g}"
    )

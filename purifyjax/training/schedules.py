"""How learning rates and thresholds move within a phase; traced in their values, from optax's schedules."""

from __future__ import annotations

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from purifyjax.training.config import Decay, Phase, ThresholdRule

Scalar = Float[Array, ""]
Step = int | Int[Array, ""]


def between(start: float | Scalar, end: float | Scalar | None, step: Step, steps: Step, decay: Decay) -> Scalar:
    """Value at `step` on the way from `start`, at step 0, to `end`, at the last of `steps` (constant if None)."""
    start = jnp.asarray(start, jnp.float32)
    if end is None:
        return start
    end = jnp.asarray(end, jnp.float32)
    # Schedules of the elapsed fraction: the length stays traced, and phases of any length share a program.
    elapsed = jnp.asarray(step, jnp.float32) / jnp.maximum(steps - 1, 1).astype(jnp.float32)
    if decay == "geometric":
        return jnp.exp(optax.linear_schedule(jnp.log(start), jnp.log(end), 1)(elapsed))
    if decay == "linear":
        return jnp.asarray(optax.linear_schedule(start, end, 1)(elapsed))
    return end + (start - end) * optax.cosine_decay_schedule(1.0, 1)(elapsed)


def learning_rate(phase: Phase, step: Step, steps: Step) -> Scalar:
    """η at a step of the phase."""
    return between(phase.learning_rate, phase.learning_rate_end, step, steps, phase.decay)


def threshold(
    phase: Phase,
    step: Step,
    steps: Step,
    weight_norm: Float[Array, " neuron"],
    current: Float[Array, " neuron"],
    code_rms: Scalar,
) -> Float[Array, " neuron"]:
    """b_i at a step: per_neuron c_t ‖w_i‖ √(E z_j²), uniform c_t, frozen as it is."""
    rule: ThresholdRule = phase.threshold_rule
    if rule == "frozen":
        return current
    level = between(phase.threshold, phase.threshold_end, step, steps, "linear")
    if rule == "uniform":
        return jnp.full_like(current, level)
    return level * weight_norm * code_rms

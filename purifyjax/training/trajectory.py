"""A whole run as one pure function of (key, config)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from purifyjax.modes import own_key
from purifyjax.training.config import Phase, Training
from purifyjax.training.divergence import diverged
from purifyjax.training.loop import TrainState, initial_state, run_steps, start_stage


class Trajectory(NamedTuple):
    """w⁰, w (after clean training) and w' (after adversarial training from w) of one seed.

    Under `vmap` every field gains a leading seed axis.

    Attributes:
      w_init, w_clean, w_robust: weights.
      b_clean, b_robust: their thresholds (b⁰ = 0).
      clean_loss, robust_loss: the loss at every step of the two stages.
      diverged: whether any weight, threshold or loss is not finite.
    """

    w_init: Float[Array, "neuron dim"]
    w_clean: Float[Array, "neuron dim"]
    w_robust: Float[Array, "neuron dim"]
    b_clean: Float[Array, " neuron"]
    b_robust: Float[Array, " neuron"]
    clean_loss: Float[Array, " step"]
    robust_loss: Float[Array, " step"]
    diverged: Bool[Array, ""]


def stage_keys(key: PRNGKeyArray) -> tuple[PRNGKeyArray, PRNGKeyArray, PRNGKeyArray]:
    """Keys of the initial weights, the clean stage and the robust stage of a seed."""
    init, clean, robust = jax.random.split(own_key(key), 3)
    return init, clean, robust


def train(key: PRNGKeyArray, config: Training) -> Trajectory:
    """Train one seed from w⁰ through the clean phases to w, and from w through the robust ones to w'.

    Pure: `jax.jit(train)(key, config)` compiles once for all values of the traced fields, and
    `jax.vmap(train, (0, None))(keys, config)` trains many seeds at once.

    Args:
      key: of any generator; of others than Threefry only the words matter.
      config: see `validate`, which looks at its numbers before they are traced.
    """
    key_init, key_clean, key_robust = stage_keys(key)
    start = initial_state(key_init, config)
    clean, clean_loss = _stage(key_clean, start, config.replace(rank=None), config.clean)
    robust, robust_loss = _stage(key_robust, start_stage(clean, config), config, config.robust)
    return Trajectory(
        start.weight,
        clean.weight,
        robust.weight,
        clean.threshold,
        robust.threshold,
        clean_loss,
        robust_loss,
        diverged((clean, robust, clean_loss, robust_loss)),
    )


def _stage(
    key: PRNGKeyArray, state: TrainState, config: Training, phases: tuple[Phase, ...]
) -> tuple[TrainState, Float[Array, " step"]]:
    losses = [jnp.zeros(0, jnp.float32)]
    for index, phase in enumerate(phases):
        state, loss = run_steps(key, state, config, phase, index, 0, phase.steps)
        losses.append(loss)
    return state, jnp.concatenate(losses)

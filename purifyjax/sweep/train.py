"""One stage of training the two-layer network for all seeds at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from purifyjax.errors import require
from purifyjax.seeds import each, over_seeds, seeds_at_once
from purifyjax.sweep.loop import StageResult, require_seeds, run_stage
from purifyjax.training import Phase, Training, TrainState, run_steps

_SMALL = 2**21  # bytes of weights


def bytes_a_seed(config: Training, phase: Phase) -> int:
    """Memory that a step takes: weights, their gradient and momentum, a batch and its activations."""
    d, m, n = config.data.dimension, config.neurons, phase.batch_size
    # A bounded rank keeps where it started and makes the change, twice.
    matrices = 6 if config.rank is None else 9
    return 4 * (matrices * m * d + 8 * n * m + 6 * n * d)


def threads(config: Training) -> int | None:
    """Seeds at a time on a CPU, for `over_seeds`: products of large weights keep all cores busy by themselves."""
    return None if 4 * config.neurons * config.data.dimension <= _SMALL else 1


@partial(jax.jit, static_argnames=("steps", "at_once"), donate_argnums=1)
def _advance(
    keys: PRNGKeyArray,
    states: TrainState,
    config: Training,
    phase: Phase,
    phase_index: Array,
    first_step: Array,
    length: Array,
    steps: int,
    at_once: int,
) -> tuple[TrainState, Array]:
    """A chunk of steps of every seed, and each seed's mean loss over it."""

    def one(args):
        key, state = args
        state, loss = run_steps(key, state, config, phase, phase_index, first_step, steps, length)
        return state, jnp.mean(loss)

    return each(one, (keys, states), at_once)


def _shared(phase: Phase) -> Phase:
    """The phase with its length masked and its ends spelt out, so that phases of one kind share a program."""
    return phase.replace(
        steps=1,
        learning_rate_end=phase.learning_rate if phase.learning_rate_end is None else phase.learning_rate_end,
        threshold_end=phase.threshold if phase.threshold_end is None else phase.threshold_end,
    )


def train_stage(
    keys: PRNGKeyArray, states: TrainState, config: Training, phases: Sequence[Phase], **options: Any
) -> StageResult:
    """Run a stage's phases for all seeds; the same numbers as `training.train`, in chunks of steps.

    Args:
      keys, states: one a seed; `states` is consumed.
      options: checkpoint, mark, monitor and progress of `run_stage`.

    Raises:
      ConfigError: no seed, not one state a key, or what is no Phase.
    """
    require_seeds(keys, states)
    require(all(isinstance(phase, Phase) for phase in phases), "phases", phases, "Phases")
    bare = config.replace(clean=(), robust=())

    def advance(state: TrainState, index: int, step: int, chunk: int):
        phase, shared = phases[index], _shared(phases[index])
        at_once = seeds_at_once(bytes_a_seed(config, phase), len(keys))
        position = (jnp.int32(index), jnp.int32(step), jnp.int32(phase.steps))
        return over_seeds(_advance, (keys, state), bare, shared, *position, chunk, at_once, threads=threads(config))

    return run_stage(advance, states, [phase.steps for phase in phases], **options)

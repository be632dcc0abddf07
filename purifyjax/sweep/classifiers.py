"""Classifiers of all seeds at once, each on a sample of its own or all on one."""

from __future__ import annotations

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from purifyjax.errors import require
from purifyjax.seeds import Cut, each, over_seeds, seeds_at_once
from purifyjax.sweep.loop import StageResult, require_seeds, run_stage
from purifyjax.training.classifier import ClassifierState, Recipe, classifier_steps


@partial(jax.jit, static_argnames=("network", "steps", "at_once"), donate_argnums=1)
def _advance(
    keys: PRNGKeyArray,
    states: ClassifierState,
    x: Array,
    y: Array,
    network: nn.Module,
    recipe: Recipe,
    first_step: Array,
    length: Array,
    steps: int,
    at_once: int,
) -> tuple[ClassifierState, Array]:
    """A chunk of steps of every seed, and each seed's mean loss over it."""

    own = () if x.ndim == 2 else (x, y)

    def one(args):
        key, state, *sample = args
        own_x, own_y = sample or (x, y)
        state, loss = classifier_steps(key, state, network, recipe, own_x, own_y, first_step, steps, length)
        return state, jnp.mean(loss)

    return each(one, (keys, states, *own), at_once)


def train_classifiers(
    keys: PRNGKeyArray,
    states: ClassifierState,
    network: nn.Module,
    recipe: Recipe,
    x: Float[Array, "seed n dim"] | Float[Array, "n dim"],
    y: Int[Array, "seed n"] | Int[Array, " n"],
    **options: Any,
) -> StageResult:
    """Train the network by the recipe for all seeds; the same numbers as `classifier_steps`, in chunks of steps.

    Args:
      keys, states: one a seed; `states` is consumed.
      x, y: one sample a seed, or one that all seeds share.
      options: checkpoint, mark, monitor and progress of `run_stage`.

    Raises:
      ConfigError: no seed, not one state or sample a key, no Recipe, or labels that are not one an input.
    """
    require_seeds(keys, states)
    require(isinstance(recipe, Recipe), "recipe", recipe, "a Recipe")
    own_samples = () if jnp.ndim(x) == 2 else (len(keys),)
    fits = jnp.ndim(x) in (2, 3) and x.shape[:-2] == own_samples and jnp.shape(y) == x.shape[:-1] and x.shape[-2] >= 1
    require(fits, "shapes of x and y", (jnp.shape(x), jnp.shape(y)), "(n, dim) and (n,), or such an array a key; n ≥ 1")
    # The length is passed apart, so that recipes of other lengths share the program.
    shared = recipe.replace(steps=1)
    n, dimension = x.shape[-2:]
    batch = n if recipe.batch_size is None else recipe.batch_size
    weights = sum(leaf.size for leaf in jax.tree.leaves(states.params)) // len(keys)
    at_once = seeds_at_once(4 * (6 * weights + n * dimension + 16 * batch * dimension), len(keys))

    # Samples are large, and every chunk of steps is a call.
    own, common = ((), (x, y)) if x.ndim == 2 else ((Cut(x), Cut(y)), ())

    def advance(state: ClassifierState, phase: int, step: int, chunk: int):
        del phase
        position = (jnp.int32(step), jnp.int32(recipe.steps))
        return over_seeds(_advance, (keys, state, *own), *common, network, shared, *position, chunk, at_once)

    return run_stage(advance, states, [recipe.steps], **options)

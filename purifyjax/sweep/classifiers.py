"""Classifiers of all seeds at once, each on a sample of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from purifyjax.sweep.loop import StageResult, run_stage, seeds_at_once
from purifyjax.training.classifier import ClassifierState, Recipe, classifier_steps


@partial(jax.jit, static_argnames=("network", "steps", "at_once"), donate_argnums=1)
def _advance(
    keys: PRNGKeyArray,
    states: ClassifierState,
    network: nn.Module,
    recipe: Recipe,
    x: Array,
    y: Array,
    first_step: Array,
    length: Array,
    steps: int,
    at_once: int,
) -> tuple[ClassifierState, Array]:
    """A chunk of steps of every seed, and each seed's mean loss over it."""

    def one(args):
        key, state, x, y = args
        state, loss = classifier_steps(key, state, network, recipe, x, y, first_step, steps, length)
        return state, jnp.mean(loss)

    return jax.lax.map(one, (keys, states, x, y), batch_size=at_once)


def train_classifiers(
    keys: PRNGKeyArray,
    states: ClassifierState,
    network: nn.Module,
    recipe: Recipe,
    x: Float[Array, "seed n dim"],
    y: Int[Array, "seed n"],
    **options: Any,
) -> StageResult:
    """Train the network by the recipe for all seeds; the same numbers as `classifier_steps`, in chunks of steps.

    Args:
      keys, states, x, y: one a seed; `states` is consumed.
      options: checkpoint, mark, monitor and progress of `run_stage`.
    """
    # The length is passed apart, so that recipes of other lengths share the program.
    shared = recipe.replace(steps=1)
    batch = x.shape[1] if recipe.batch_size is None else recipe.batch_size
    weights = sum(leaf.size for leaf in jax.tree.leaves(states.params)) // len(keys)
    at_once = seeds_at_once(4 * (6 * weights + x[0].size + 16 * batch * x.shape[2]), len(keys))

    groups = _groups(len(keys))
    fixed = [(keys[group], x[group], y[group]) for group in groups]

    def advance(state: ClassifierState, phase: int, step: int, chunk: int):
        del phase
        position = (jnp.int32(step), jnp.int32(recipe.steps))

        def one(group: slice, keys: PRNGKeyArray, x: Array, y: Array):
            own = jax.tree.map(lambda leaf: leaf[group], state)
            return _advance(keys, own, network, shared, x, y, *position, chunk, at_once)

        found = _in_threads(one, [(group, *rest) for group, rest in zip(groups, fixed, strict=True)], first=step == 0)
        return jax.tree.map(lambda *parts: jnp.concatenate(parts), *found)

    return run_stage(advance, states, [recipe.steps], **options)


def _groups(seeds: int) -> list[slice]:
    """Seeds side by side on the cores of a CPU, one group a core: networks this small keep only one busy."""
    cores = int(os.environ.get("PJRT_NPROC", os.cpu_count() or 1)) if jax.default_backend() == "cpu" else 1
    ends = np.linspace(0, seeds, min(cores, seeds) + 1).round().astype(int)
    return [slice(start, end) for start, end in pairwise(ends)]


def _in_threads(run: Callable[..., Any], groups: list[tuple[Any, ...]], first: bool) -> list[Any]:
    """Every group's result; one after another at first, so that the program is compiled once."""
    if first or len(groups) == 1:
        return [run(*group) for group in groups]
    with ThreadPoolExecutor(len(groups)) as pool:
        return list(pool.map(lambda group: jax.block_until_ready(run(*group)), groups))

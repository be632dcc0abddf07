"""Our side of `benchmarks.peers`: the training step on batches that are given, and the descent of PGD from points.

Seeds run as the sweep and `worst_case` run them.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from purifyjax.attacks import FGM, Attacked
from purifyjax.attacks.attack import nowhere
from purifyjax.attacks.gradient import descend
from purifyjax.balls import Ball
from purifyjax.data import Batch, SparseCoding, instance, sample
from purifyjax.models import NetMargin
from purifyjax.seeds import over_seeds, seeds_at_once
from purifyjax.sweep.train import bytes_a_seed, threads
from purifyjax.training import Phase, Training, TrainState, model_of
from purifyjax.training.loop import train_step

STEPS, BATCH = 5, 256
PGD_STEPS, STEP_FRACTION = 10, 2.5


class Points(NamedTuple):
    """Batches that both sides are given."""

    x: Float[Array, "seed step n dim"]
    y: Float[Array, "seed step n"]


def training(d: int) -> Training:
    """A clean and a robust phase at constant rates, with weights, gradients and decay of similar sizes."""
    settings: dict[str, Any] = {"learning_rate": 1 / d, "threshold": 1.0, "weight_decay": 1.0}
    clean = Phase(STEPS, BATCH, **settings)
    robust = clean.replace(adversary=FGM(), radius=2 / math.sqrt(d))
    data = SparseCoding(dimension=d, sparsity=round(math.sqrt(d)), atom_rate=0.05, value_max=3.0)
    return Training(data, 4 * d, (clean,), (robust,), init_scale=0.01 / math.sqrt(d))


@partial(jax.jit, static_argnums=1)
def drawn(keys, shape: tuple[int, int], data: SparseCoding) -> Points:
    """Steps × n points a seed."""
    one = jax.vmap(lambda key: Points(*sample(key, shape[1], data)[:2]))
    return jax.lax.map(lambda key: one(jax.random.split(key, shape[0])), keys)


@partial(jax.jit, static_argnames="at_once")
def _trained(states: TrainState, points: Points, config: Training, phase: Phase, at_once: int) -> TrainState:
    fixed = instance(config.data)

    def one(args):
        def step(state, batch):
            index, x, y = batch
            key = jax.random.fold_in(jax.random.key(0), index)
            return train_step(key, state, config, phase, index, phase.steps, fixed, Batch(x, y, x))

        state, (x, y) = args
        return jax.lax.scan(step, state, (jnp.arange(len(y)), x, y))[0]

    return jax.lax.map(one, (states, points), batch_size=at_once)


def trained(states: TrainState, points: Points, config: Training, phase: Phase) -> TrainState:
    """A step of ours for every batch, of all seeds."""
    at_once = seeds_at_once(bytes_a_seed(config, phase), len(points.y))
    bare = config.replace(clean=(), robust=())
    return over_seeds(_trained, (states, points), bare, phase, at_once, threads=threads(config))


@partial(jax.jit, static_argnames="of")
def _attacked(params, x, y, ball: Ball, of: NetMargin) -> Attacked:
    def one(args):
        params, x, y = args
        margin = of(params)
        return descend(margin, x, y, ball, nowhere(margin, x, y), PGD_STEPS, STEP_FRACTION)

    return jax.lax.map(one, (params, x, y))


def attacked(nets: TrainState, x: Array, y: Array, config: Training, radius: float) -> Attacked:
    """The descent of ours from the points x, of all seeds."""
    return over_seeds(_attacked, (nets.params, x, y), Ball(radius), NetMargin(model_of(config)))

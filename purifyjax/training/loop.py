"""The pure train step, and stretches of steps as one scan.

Every random draw of a step comes from the stage's key, the phase's index and the step, so that a run
may be cut anywhere and goes on with the same numbers.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from purifyjax.balls import Ball
from purifyjax.data import Batch, Instance, instance, sample, second_moment
from purifyjax.errors import require_count
from purifyjax.models import SymmetricReLU, output
from purifyjax.models.margin import Params
from purifyjax.modes import own_key, single
from purifyjax.training import schedules
from purifyjax.training.config import Phase, Training
from purifyjax.training.low_rank import low_rank

_POOL = 1_000_000  # index of the fixed sample's key, beyond any phase


class TrainState(NamedTuple):
    """Weights, thresholds and optimiser state of one seed."""

    weight: Float[Array, "neuron dim"]
    threshold: Float[Array, " neuron"]
    optimizer: Any

    @property
    def params(self) -> dict[str, Array]:
        return {"weight": self.weight, "threshold": self.threshold}


def model_of(config: Training, precision: jax.lax.Precision | None = None) -> SymmetricReLU:
    """The network of a run."""
    return SymmetricReLU(config.neurons, config.init_scale, precision)


def initial_state(key: PRNGKeyArray, config: Training) -> TrainState:
    """w⁰ ~ N(0, σ₀² I) and b = 0."""
    config, model = single(config), SymmetricReLU(config.neurons, init_scale=1.0)
    params: Params = dict(model.init(own_key(key), jnp.zeros(config.data.dimension, jnp.float32))["params"])
    weight = config.init_scale * params["weight"]
    return start_stage(TrainState(weight, params["threshold"], None), config.replace(rank=None))


def start_stage(state: TrainState, config: Training) -> TrainState:
    """The same network with a fresh optimiser state; a bounded rank counts from its weights."""
    return state._replace(optimizer=_optimizer(config, 0.0).init(state.weight))


def _optimizer(config: Training, learning_rate: float | Array) -> optax.GradientTransformation:
    if config.optimizer == "adam":
        free = optax.adam(learning_rate, b1=config.momentum)  # pyright: ignore[reportArgumentType]
    else:
        free = optax.chain(optax.trace(config.momentum), optax.scale_by_learning_rate(learning_rate))
    return free if config.rank is None else optax.chain(free, low_rank(config.rank))


def run_steps(
    key: PRNGKeyArray,
    state: TrainState,
    config: Training,
    phase: Phase,
    phase_index: int | Int[Array, ""],
    first_step: int | Int[Array, ""],
    steps: int,
    length: int | Int[Array, ""] | None = None,
) -> tuple[TrainState, Float[Array, " step"]]:
    """`steps` steps of a phase from its step `first_step`; the loss of every step.

    Args:
      key: of the stage, the same for all its phases; of others than Threefry only the words matter.
      phase_index: the phase's place in its stage.
      steps: static length of the stretch.
      length: of the whole phase, if not its own static `steps`; traced, it lets phases share a program.
    """
    require_count("steps", steps, least=0)
    key, state, config, phase = own_key(key), single(state), single(config), single(phase)
    length = phase.steps if length is None else length
    fixed = instance(config.data)
    phase_key = jax.random.fold_in(key, phase_index)
    pool = None
    if phase.sample_size is not None:
        # The fixed sample belongs to the stage: all its phases see the same points.
        pool = sample(jax.random.fold_in(key, _POOL), phase.sample_size, config.data, fixed)

    def step(state, index):
        step_key = jax.random.fold_in(phase_key, index)
        return train_step(step_key, state, config, phase, index, length, fixed, pool)

    return jax.lax.scan(step, state, first_step + jnp.arange(steps, dtype=jnp.int32))


def train_step(
    key: PRNGKeyArray,
    state: TrainState,
    config: Training,
    phase: Phase,
    index: Int[Array, ""],
    length: int | Int[Array, ""],
    fixed: Instance,
    pool: Batch | None,
) -> tuple[TrainState, Float[Array, ""]]:
    """One update: threshold rule, inner maximisation, gradient of the logistic loss, regulariser, optimiser.

    loss(w) = mean log(1 + exp(−y f(x + δ))) + Σ_i (λ₂ ‖w_i‖²/2 + λ₃ ‖w_i‖³/3); the reported loss is
    the first term.
    """
    key_batch, key_attack, key_smoothing = jax.random.split(key, 3)
    if pool is None:
        x, y, _ = sample(key_batch, phase.batch_size, config.data, fixed)
    else:
        rows = jax.random.choice(key_batch, pool.y.shape[0], (phase.batch_size,), replace=False)
        x, y = pool.x[rows], pool.y[rows]
    norm = jnp.linalg.norm(state.weight, axis=1)
    code_rms = jnp.sqrt(second_moment(config.data))
    threshold = schedules.threshold(phase, index, length, norm, state.threshold, code_rms)
    model = model_of(config)
    rho = None
    if phase.smoothing is not None:
        rho = phase.smoothing * jax.random.normal(key_smoothing, (phase.batch_size, config.neurons), jnp.float32)

    def margin(weight, x, y):
        return y * output(model, {"weight": weight, "threshold": threshold}, x, rho)

    if phase.adversary is not None:
        ball = Ball(phase.radius, phase.norm)
        x = x + phase.adversary.perturb(key_attack, partial(margin, state.weight), x, y, ball).astype(x.dtype)

    def loss(weight):
        return jnp.mean(jax.nn.softplus(-margin(weight, x, y)))

    value, gradient = jax.value_and_grad(loss)(state.weight)
    decay = jnp.asarray(phase.weight_decay)
    if phase.cubic_decay is not None:
        decay = decay + phase.cubic_decay * norm[:, None]
    gradient = gradient + decay * state.weight
    optimizer = _optimizer(config, schedules.learning_rate(phase, index, length))
    update, opt_state = optimizer.update(gradient, state.optimizer, state.weight)
    weight = jnp.asarray(optax.apply_updates(state.weight, update))
    return TrainState(weight, threshold, opt_state), value

"""Training of any model by its margin, clean or adversarial: for the simpler classes beside the network's own loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, PRNGKeyArray
from numpy.typing import ArrayLike

from purifyjax.attacks import Attack
from purifyjax.balls import Ball
from purifyjax.errors import require, require_count, require_real
from purifyjax.margins import Margin
from purifyjax.modes import own_key, single
from purifyjax.settings import Choice, Real, not_negative, positive, real_array, require_settings
from purifyjax.training.adversary import BALL, require_adversary
from purifyjax.training.divergence import diverged

Params = Any
Sampler = Callable[[PRNGKeyArray], tuple[Float[Array, "n dim"], Float[Array, " n"]]]
FitAdversary = Attack | Literal["exact"] | None
FitLoss = Literal["logistic", "hinge"]

_LOSS = Choice(get_args(FitLoss))
_LEARNING_RATE, _WEIGHT_DECAY = Real("η > 0", positive), Real("λ ≥ 0", not_negative)

_STANDARD_ERRORS = 2.0


class Fitted(NamedTuple):
    """The outcome of a fit.

    Attributes:
      params: after the last step.
      average: the mean of the parameters over the last half of the steps, for convex problems.
      loss: the (adversarial) loss of every step's fresh batch, before its update and without weight decay.
    """

    params: Params
    average: Params
    loss: Float[Array, " step"]

    @property
    def diverged(self) -> Bool[Array, ""]:
        """Whether any of these numbers is not finite."""
        return diverged(tuple(self))


class Convergence(NamedTuple):
    """Whether the loss has stopped falling.

    Attributes:
      converged: drop + 2 error ≤ tolerance; not where a loss is not finite, whose drop and error are NaN.
      drop: how much lower the mean loss of the last tenth is than that of the tenth before, relative to the latter.
      error: its standard error.
    """

    converged: Bool[np.ndarray, "*s"]
    drop: Float[np.ndarray, "*s"]
    error: Float[np.ndarray, "*s"]


def fit(
    key: PRNGKeyArray,
    margin_of: Callable[[Params], Margin],
    params: Params,
    sample: Sampler,
    ball: Ball,
    *,
    adversary: FitAdversary = None,
    steps: int = 1000,
    learning_rate: float | Float[Array, ""] = 1e-2,
    weight_decay: float | Float[Array, ""] = 0.0,
    loss: FitLoss = "logistic",
    robust_margin_of: Callable[[Params, Ball], Margin] | None = None,
) -> Fitted:
    """Minimise E ℓ(y f_θ(x + δ)) + λ ‖θ‖²/2 over θ by Adam with cosine decay, on a fresh batch every step.

    ℓ(t) = log(1 + e^−t) or max(0, 1 − t). Pure: it may be jitted, and vmapped over key, params, radius, learning
    rate and weight decay.

    Args:
      key: of any generator; of others than Threefry only the words matter.
      margin_of: params -> margin function.
      params: the start, any pytree; all of it is trained and decayed.
      sample: key -> (x, y), a batch.
      ball: of the perturbations; unused without adversary.
      adversary: None; an attack such as `FGM()` or `PGD.for_training(steps)`; "exact" trains on the least margin over
        the ball given by `robust_margin_of`, under which a linear model's problem stays convex.
      learning_rate: η at the start; it falls to 0 along half a cosine.
      weight_decay: λ, part of the objective (not decoupled).
      robust_margin_of: (params, ball) -> function of (x, y), min over the ball of y f(x + δ).

    Raises:
      ConfigError: a static setting (or a plain number) outside its range.
    """
    _validate(ball, adversary, steps, learning_rate, weight_decay, loss)
    require(
        (adversary == "exact") == (robust_margin_of is not None),
        "robust_margin_of",
        robust_margin_of,
        'given if, and only if, the adversary is "exact"',
    )
    key, ball, learning_rate, weight_decay = own_key(key), *single((ball, learning_rate, weight_decay))
    optimizer = optax.chain(
        optax.add_decayed_weights(weight_decay),  # pyright: ignore[reportArgumentType]
        optax.scale_by_adam(),
        optax.scale_by_learning_rate(optax.cosine_decay_schedule(1.0, steps)),
        optax.scale(learning_rate),  # pyright: ignore[reportArgumentType]
    )
    first_averaged = steps // 2

    def step(carry, index):
        params, average, state = carry
        key_batch, key_attack = jax.random.split(jax.random.fold_in(key, index))
        x, y = sample(key_batch)
        if isinstance(adversary, Attack):
            x = x + adversary.perturb(key_attack, margin_of(params), x, y, ball).astype(x.dtype)

        def objective(params):
            margin = margin_of(params) if robust_margin_of is None else robust_margin_of(params, ball)
            value = margin(x, y)
            return jnp.mean(jax.nn.softplus(-value) if loss == "logistic" else jax.nn.relu(1.0 - value))

        value, gradient = jax.value_and_grad(objective)(params)
        update, state = optimizer.update(gradient, state, params)
        params = optax.apply_updates(params, update)
        count = index - first_averaged + 1
        share = jnp.where(count > 0, 1.0 / jnp.maximum(count, 1).astype(jnp.float32), 0.0)
        average = optax.incremental_update(params, average, share)  # pyright: ignore[reportArgumentType]
        return (params, average, state), value

    start = (params, params, optimizer.init(params))
    (params, average, _), losses = jax.lax.scan(step, start, jnp.arange(steps, dtype=jnp.int32))
    return Fitted(params, average, losses)


def converged(loss: ArrayLike, tolerance: float = 0.02) -> Convergence:
    """Whether the last tenth of the steps still lowered the loss by more than `tolerance`, relative.

    The mean losses of the last two tenths are compared; their standard errors take the steps of a tenth as
    independent (each has a fresh batch), and the drop must lie below the tolerance by two standard errors, so that
    a loss too noisy to tell has not converged. The test is necessary, not sufficient: the learning rate falls to 0,
    which alone flattens the end of a run. A longer fit that ends no lower settles it.

    Args:
      loss: [..., step], at least 20 steps.

    Raises:
      ConfigError: too few steps, or a negative tolerance.
    """
    values = real_array("loss", loss)
    length = values.shape[-1] if values.ndim else 0
    require(length >= 20, "steps of the loss", length, "at least 20")
    require_real("tolerance", tolerance, "at least 0", not_negative)
    tenth = length // 10
    last, before = values[..., -tenth:], values[..., -2 * tenth : -tenth]
    with np.errstate(invalid="ignore", over="ignore"):
        scale = np.maximum(before.mean(-1), np.finfo(np.float64).tiny)
        drop = (before.mean(-1) - last.mean(-1)) / scale
        error = np.sqrt((before.var(-1, ddof=1) + last.var(-1, ddof=1)) / tenth) / scale
        return Convergence(drop + _STANDARD_ERRORS * error <= tolerance, drop, error)


def _validate(ball, adversary, steps, learning_rate, weight_decay, loss) -> None:
    require(isinstance(ball, Ball), "ball", ball, 'a Ball, such as Ball(0.1, "l2")')
    require_settings(ball, BALL)
    if not isinstance(adversary, str) or adversary != "exact":
        require_adversary("adversary", adversary)
    require_count("steps", steps)
    _LOSS.check("loss", loss)
    _LEARNING_RATE.check("learning_rate", learning_rate)
    _WEIGHT_DECAY.check("weight_decay", weight_decay)

"""Gradient descent on a fixed sample for any linen network with a logit a class, clean or adversarial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Float, Int, PRNGKeyArray

from purifyjax.balls import Ball, Norm
from purifyjax.errors import require, require_count
from purifyjax.margins import Margin, MarginOf, class_margin
from purifyjax.models.margin import Params
from purifyjax.modes import own_key, single
from purifyjax.settings import Checked, Count, Real, Setting, not_negative, positive, require_settings, share, whole
from purifyjax.training.adversary import BALL, Adversary, require_adversary
from purifyjax.training.augmentation import Augmentation, require_augmentation
from purifyjax.training.low_rank import low_rank_everywhere
from purifyjax.training.schedules import between

# In the order in which they are checked.
_SETTINGS: dict[str, Setting] = {
    "steps": Count(),
    "learning_rate": Real("η > 0", positive),
    "batch_size": Count(optional=True),
    "momentum": Real("0 ≤ momentum < 1", share),
    "clip": Real("more than 0 (inf: never)", positive, infinite=True),
    "weight_decay": Real("λ ≥ 0", not_negative, "λ"),
    "adversary": Checked(require_adversary),
    **BALL,
    "clean_steps": Real("a whole number, at least 0", whole),
    "rank": Count(optional=True),
    "augmentation": Checked(require_augmentation),
}


class Recipe(struct.PyTreeNode):
    """How a classifier is trained: minimise the mean cross-entropy of x + δ over a fixed sample.

    Fields marked static decide shapes or programs; the others are traced.

    Attributes:
      steps: static count.
      batch_size: points a step, drawn with replacement; None takes the whole sample (static).
      learning_rate: η at the start; it falls to 0 along half a cosine.
      momentum: of the heavy ball.
      clip: the longest gradient; longer ones are shortened to it, so that early steps, where gradients are tiny, may be
        long (η large) without late ones being so.
      weight_decay: λ of the regulariser λ ‖w‖²/2.
      adversary: the inner maximisation (static), an attack such as `FGM()` or `PGD.for_training(steps)`, or None.
      radius, norm, parts: the ball of δ, see `Ball`.
      clean_steps: steps before the adversary sets in.
      rank: bound on the rank of every matrix's change since the optimiser was fresh, see `low_rank`; None leaves it
        free (static).
      augmentation: random changes of a batch's images, before the adversary's (static); None leaves them as they are.
    """

    steps: int = struct.field(pytree_node=False)
    learning_rate: float
    batch_size: int | None = struct.field(pytree_node=False, default=None)
    momentum: float = 0.9
    clip: float = float("inf")
    weight_decay: float = 0.0
    adversary: Adversary = struct.field(pytree_node=False, default=None)
    radius: float = 0.0
    norm: Norm = struct.field(pytree_node=False, default="l2")
    parts: int = struct.field(pytree_node=False, default=1)
    clean_steps: int = 0
    rank: int | None = struct.field(pytree_node=False, default=None)
    augmentation: Augmentation | None = struct.field(pytree_node=False, default=None)

    def __post_init__(self) -> None:
        require_settings(self, _SETTINGS, made=True)

    @property
    def ball(self) -> Ball:
        """Where δ lies."""
        return Ball(self.radius, self.norm, self.parts)


class ClassifierState(NamedTuple):
    """One seed's trained parameters, its other collections (batch statistics), and the optimiser's state."""

    params: Params
    collections: Mapping[str, Any]
    optimizer: Any


def validate_recipe(recipe: Recipe, sample_size: int) -> None:
    """Raise `ConfigError` for a setting outside its range; traced values are not looked at."""
    require(isinstance(recipe, Recipe), "recipe", recipe, "a Recipe")
    require_count("sample_size", sample_size)
    require_settings(recipe, _SETTINGS)
    size = recipe.batch_size
    allowed = f"between 1 and the sample's size {sample_size}"
    require(size is None or size <= sample_size, "batch_size", size, allowed)


def initial_classifier(key: PRNGKeyArray, network: nn.Module, x: Float[Array, "n dim"]) -> ClassifierState:
    """The network's own initialisation, with a fresh optimiser.

    Args:
      key: of any generator; of others than Threefry only the words matter.
      x: any inputs of the right shape.
    """
    variables = dict(network.init(own_key(key), x))
    return restarted(ClassifierState(variables.pop("params"), variables, None))


def restarted(state: ClassifierState, rank: int | None = None) -> ClassifierState:
    """The same network with a fresh optimiser, of one seed; without a rank also with a leading axis of seeds.

    Args:
      rank: as in the recipe to come; the change counts from here. `with_rank` lowers it.
    """
    return state._replace(optimizer=_optimizer(0.0, 0.0, 1.0, 0.0, rank).init(state.params))


def logits(network: nn.Module, state: ClassifierState, x: Float[Array, "n dim"]) -> Float[Array, "n class"]:
    """F(x), in evaluation mode."""
    return network.apply({"params": state.params, **state.collections}, x)  # pyright: ignore[reportReturnType]


@dataclass(frozen=True)
class _ClassifierMargin:
    """By value: equal networks share programs."""

    network: nn.Module

    def __call__(self, state: ClassifierState) -> Margin:
        return lambda x, y: class_margin(logits(self.network, state, x), jnp.asarray(y, jnp.int32))


def margin_of_classifier(network: nn.Module) -> MarginOf:
    """state -> margin function F_y − max_{c ≠ y} F_c, for the attacks; equal for equal networks."""
    return _ClassifierMargin(network)


def _optimizer(
    learning_rate: Any, momentum: Any, clip: Any, weight_decay: Any, rank: int | None
) -> optax.GradientTransformation:
    free = (
        optax.clip_by_global_norm(clip),
        optax.add_decayed_weights(weight_decay),
        optax.trace(momentum),
        optax.scale_by_learning_rate(learning_rate),
    )
    return optax.chain(*free) if rank is None else optax.chain(*free, low_rank_everywhere(rank))


def classifier_steps(
    key: PRNGKeyArray,
    state: ClassifierState,
    network: nn.Module,
    recipe: Recipe,
    x: Float[Array, "n dim"],
    y: Int[Array, " n"],
    first_step: int | Int[Array, ""],
    steps: int,
    length: int | Int[Array, ""] | None = None,
) -> tuple[ClassifierState, Float[Array, " step"]]:
    """`steps` steps of a recipe from its step `first_step`, and the loss of each.

    Every random draw comes from the key and the step, so that a run may be cut anywhere.

    Args:
      x, y: the sample.
      steps: static length of the stretch.
      length: of the whole run, if not the recipe's own `steps`; traced, it lets runs share a program.
    """
    require_count("steps", steps, least=0)
    key, recipe, x = own_key(key), single(recipe), single(x)
    length = recipe.steps if length is None else length
    fresh = jax.eval_shape(lambda: restarted(state, recipe.rank)).optimizer
    same = jax.tree.structure(fresh) == jax.tree.structure(state.optimizer)
    require(same, "rank", recipe.rank, "that of the state's optimiser: start from restarted(state, rank)")

    def step(state, index):
        return _step(jax.random.fold_in(key, index), state, network, recipe, x, y, index, length)

    return jax.lax.scan(step, state, first_step + jnp.arange(steps, dtype=jnp.int32))


def _step(key, state, network, recipe, x, y, index, length):
    """One update: a batch, the inner maximisation, the gradient of the cross-entropy, the optimiser."""
    key_batch, key_attack = jax.random.split(key)
    if recipe.batch_size is not None:
        # With replacement: a draw without it shuffles the whole sample, which costs more than the step of a small net.
        rows = jax.random.randint(key_batch, (recipe.batch_size,), 0, len(x), jnp.int32)
        x, y = x[rows], y[rows]
    if recipe.augmentation is not None:
        # A third key that leaves the other two as they are.
        x = recipe.augmentation(jax.random.fold_in(key, 2), x)
    adversary = recipe.adversary
    if adversary is not None:
        margin = margin_of_classifier(network)(state)

        def attacked():
            return x + adversary.perturb(key_attack, margin, x, y, recipe.ball).astype(x.dtype)

        x = jax.lax.cond(index >= recipe.clean_steps, attacked, lambda: x)

    def loss(params):
        variables = {"params": params, **state.collections}
        found, collections = network.apply(variables, x, mutable=list(state.collections))
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(found, y)), collections

    (value, collections), gradient = jax.value_and_grad(loss, has_aux=True)(state.params)
    rate = between(recipe.learning_rate, 0.0, index, length, "cosine")
    optimizer = _optimizer(rate, recipe.momentum, recipe.clip, recipe.weight_decay, recipe.rank)
    update, opt_state = optimizer.update(gradient, state.optimizer, state.params)
    params = cast(Params, optax.apply_updates(state.params, update))
    return ClassifierState(params, collections, opt_state), value

"""Margins y f(x), positive where the prediction is right, and their gradients in x."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from purifyjax.frozen import FrozenTree

Params = Any
Margin = Callable[[Float[Array, "n dim"], Float[Array, " n"]], Float[Array, " n"]]
MarginOf = Callable[[Params], Margin]


@dataclass(frozen=True)
class FixedMargin:
    """The margin of one net, hashed by the value of its parameters: a source of transferred perturbations.

    Attributes:
      margin_of: params -> margin function.
      params: of the net.
    """

    margin_of: MarginOf
    params: Any

    def __post_init__(self) -> None:
        if not isinstance(self.params, FrozenTree):
            object.__setattr__(self, "params", FrozenTree(self.params))

    def __call__(self, x: Float[Array, "n dim"], y: Float[Array, " n"]) -> Float[Array, " n"]:
        return self.margin_of(self.params.tree)(x, y)


def descent(margin: Margin, x: Float[Array, "n dim"], y: Float[Array, " n"]) -> Float[Array, "n dim"]:
    """−∇_x [y f(x)], one row a point."""
    return margin_and_descent(margin, x, y)[1]


def margin_and_descent(
    margin: Margin, x: Float[Array, "n dim"], y: Float[Array, " n"]
) -> tuple[Float[Array, " n"], Float[Array, "n dim"]]:
    """y f(x) and −∇_x [y f(x)] from one forward and one backward pass."""

    def total(inputs):
        value = margin(inputs, y)
        return jnp.sum(value), value

    (_, value), gradient = jax.value_and_grad(total, has_aux=True)(x)
    return value, -gradient


def class_margin(logits: Float[Array, "n class"], y: Int[Array, " n"]) -> Float[Array, " n"]:
    """F_y − max_{c ≠ y} F_c: positive where the prediction is right."""
    own = jax.nn.one_hot(y, logits.shape[-1], dtype=bool)
    right = jnp.sum(jnp.where(own, logits, 0.0), axis=-1)
    return right - jnp.max(jnp.where(own, -jnp.inf, logits), axis=-1)

"""Output and margin of any network of one number a point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from purifyjax.errors import ConfigError
from purifyjax.margins import FixedMargin, Margin
from purifyjax.models.symmetric_relu import SymmetricReLU

Params = Mapping[str, Any]


def output(
    model: nn.Module,
    params: Params,
    x: Float[Array, "n dim"],
    smoothing: Float[Array, "n neuron"] | None = None,
    fixed: Params | None = None,
) -> Float[Array, " n"]:
    """f(x).

    Args:
      params: the collection "params", what is trained.
      smoothing: the smoothing noise, for networks that have it.
      fixed: the collection "fixed", what is not trained, for networks that have it.
    """
    inputs = (x,) if smoothing is None else (x, smoothing)
    collections = {"params": params} if fixed is None else {"params": params, "fixed": fixed}
    return cast(Array, model.apply(collections, *inputs))


def margin(
    model: nn.Module,
    params: Params,
    x: Float[Array, "n dim"],
    y: Float[Array, " n"],
    fixed: Params | None = None,
) -> Float[Array, " n"]:
    """y f(x): positive where the prediction is right."""
    return y * output(model, params, x, fixed=fixed)


@dataclass(frozen=True)
class NetMargin:
    """params -> margin function y f(x) of a network with one output, for attacks; equal for equal networks.

    Attributes:
      model: the untrained module.
    """

    model: nn.Module

    def __call__(self, params: Params) -> OneNetMargin:
        return OneNetMargin(self.model, params)


# Hashed by identity: parameters may be traced, and have no value then.
@dataclass(frozen=True, eq=False)
class OneNetMargin:
    """The margin y f(x) of one net, for attacks that know more of it than its values and gradients.

    Attributes:
      model: the untrained module.
      params: of the net, traced inside a transformation.
    """

    model: nn.Module
    params: Params

    def __call__(self, x: Float[Array, "n dim"], y: Float[Array, " n"]) -> Float[Array, " n"]:
        return margin(self.model, self.params, x, y)


def symmetric_net(margin: Margin, whom: str) -> tuple[Float[Array, "neuron dim"], Float[Array, " neuron"]]:
    """Weights and thresholds of the `SymmetricReLU` net whose margin it is.

    Args:
      whom: who asks, for the message.

    Raises:
      ConfigError: it is another margin.
    """
    if isinstance(margin, FixedMargin):
        margin = margin.margin_of(margin.params.tree)
    if not (isinstance(margin, OneNetMargin) and isinstance(margin.model, SymmetricReLU)):
        what = type(margin.model if isinstance(margin, OneNetMargin) else margin).__name__
        raise ConfigError(f"margin of {whom} = {what!r} is not allowed: a SymmetricReLU net's, made by NetMargin")
    return jnp.asarray(margin.params["weight"]), jnp.asarray(margin.params["threshold"])

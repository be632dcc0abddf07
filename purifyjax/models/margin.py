"""Output and margin of any network of one number a point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import flax.linen as nn
from jaxtyping import Array, Float

from purifyjax.margins import Margin

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

    def __call__(self, params: Params) -> Margin:
        return lambda x, y: margin(self.model, params, x, y)

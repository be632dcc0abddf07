"""Output and margin of any network: of one number a point, or of a logit a class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

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


def class_margin(logits: Float[Array, "n class"], y: Int[Array, " n"]) -> Float[Array, " n"]:
    """F_y − max_{c ≠ y} F_c: positive where the prediction is right."""
    own = jax.nn.one_hot(y, logits.shape[-1], dtype=bool)
    right = jnp.sum(jnp.where(own, logits, 0.0), axis=-1)
    return right - jnp.max(jnp.where(own, -jnp.inf, logits), axis=-1)

"""A neuron in the dictionary basis: its feature, its purity and the dense mixture around it; filters and features.

    Mᵀ w_i = c e_j + mixture · w* + rest,   mixture = C (k/d) |c|

With fires-if-and-only-if-present gating the mixture coefficient C is a constant of the data; adversarial
training must bring the mixture below ~1/√(kd), hence C to nearly 0.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from purifyjax.analysis.surgery import dense_size, own_feature
from purifyjax.errors import require_count
from purifyjax.norms import in_units

_FULL = jax.lax.Precision.HIGHEST


class Features(NamedTuple):
    """Of every neuron.

    Attributes:
      feature: j, the largest coordinate of Mᵀw in absolute value.
      purity: |c|/‖w‖ = |cos(w, M_j)|, in [0, 1].
      mixture: C, the least-squares coefficient of the other coordinates on w*, in units of |c| k/d.
        Positive along the direction that helps clean accuracy.
      mixture_error: the standard error of C, from the spread of the other coordinates around the fit.
    """

    feature: Int[Array, "*n"]
    purity: Float[Array, "*n"]
    mixture: Float[Array, "*n"]
    mixture_error: Float[Array, "*n"]


def features(coordinates: Float[Array, "*n dim"], label_weights: Float[Array, " dim"], sparsity: int) -> Features:
    """Decompose neurons given in the dictionary basis (`Instance.to_code(w)`).

    Args:
      coordinates: Mᵀ w_i, one row a neuron.
      label_weights: w*.
      sparsity: k.

    Raises:
      ConfigError: a sparsity that is no whole number, or below 1.
    """
    require_count("sparsity k", sparsity)
    dimension = coordinates.shape[-1]
    coordinates = in_units(coordinates)[0]  # all that is told are ratios
    feature = own_feature(coordinates)
    own = jnp.take_along_axis(coordinates, feature[..., None], axis=-1)[..., 0]
    norm = jnp.linalg.norm(coordinates, axis=-1)
    slope = dense_size(coordinates, label_weights)
    weight = jnp.sum(label_weights**2) - label_weights[feature] ** 2
    square = norm**2 - own**2 - slope**2 * weight
    error = jnp.sqrt(jnp.maximum(square, 0.0) / max(dimension - 2, 1) / weight)
    size = jnp.where(jnp.abs(own) > 0, jnp.abs(own), 1.0)
    unit = dimension / sparsity / size
    return Features(feature, jnp.abs(own) / jnp.where(norm > 0, norm, 1.0), slope * unit, error * unit)


def fires(
    weight: Float[Array, "neuron dim"], threshold: Float[Array, " neuron"], x: Float[Array, "n dim"]
) -> Bool[Array, "n neuron"]:
    """Whether |⟨w_i, x⟩| > b_i."""
    return jnp.abs(jnp.matmul(x, weight.T, precision=_FULL)) > threshold[None, :]


def firing_rate(
    weight: Float[Array, "neuron dim"], threshold: Float[Array, " neuron"], x: Float[Array, "n dim"]
) -> Float[Array, " neuron"]:
    """Share of the inputs on which a neuron fires."""
    return jnp.mean(fires(weight, threshold, x), axis=0, dtype=jnp.float32)


def coverage(feature: Int[Array, " n"], live: Bool[Array, " n"], dimension: int) -> Float[Array, ""]:
    """Share of the d features that are the feature of at least one live neuron."""
    require_count("dimension", dimension)
    counts = jnp.zeros(dimension, jnp.float32).at[feature].add(jnp.where(live, 1.0, 0.0))
    return jnp.mean(counts > 0, dtype=jnp.float32)


def alignment(weight: Float[Array, "class filter dim"], feature: Float[Array, "class dim"]) -> Float[Array, " class"]:
    """max over the filters of a class of ⟨w_{c,r}, φ_c⟩: how well each class's feature is learned (patch networks)."""
    return jnp.max(jnp.einsum("crd,cd->cr", weight, feature, precision=_FULL), axis=1)

"""Surgery on neurons: what of a weight lies along a dense direction, with the neuron's own feature left alone.

    Mᵀ w_i = c e_j + a_i (u − u_j e_j) + rest

With u = w* the middle part is the neuron's dense mixture, which may be taken out of a weight or put into another one;
with any other dense u it is the placebo of the same operation.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

_FULL = jax.lax.Precision.HIGHEST


def own_feature(coordinates: Float[Array, "*n dim"]) -> Int[Array, "*n"]:
    """j, the largest coordinate of Mᵀw in absolute value."""
    return jnp.argmax(jnp.abs(coordinates), axis=-1)


def dense_size(coordinates: Float[Array, "*n dim"], direction: Float[Array, " dim"]) -> Float[Array, "*n"]:
    """a_i, the least-squares coefficient on u of the coordinates of w_i other than its own feature.

    Args:
      coordinates: Mᵀ w_i, one row a neuron.
      direction: u, in the dictionary basis.
    """
    feature = own_feature(coordinates)
    own = jnp.take_along_axis(coordinates, feature[..., None], axis=-1)[..., 0]
    # Sums over all coordinates minus the feature's own share.
    square = jnp.sum(direction**2) - direction[feature] ** 2
    return (jnp.matmul(coordinates, direction, precision=_FULL) - own * direction[feature]) / square


def dense_part(
    size: Float[Array, "*n"], feature: Int[Array, "*n"], direction: Float[Array, "*#n dim"]
) -> Float[Array, "*n dim"]:
    """a_i (u − u_j e_j) in the dictionary basis, one row a neuron.

    Args:
      size: a_i.
      feature: j, the neuron's own.
      direction: u, one for all neurons or one for each.
    """
    own = jax.nn.one_hot(feature, direction.shape[-1], dtype=bool)
    return size[..., None] * jnp.where(own, 0.0, jnp.broadcast_to(direction, own.shape))

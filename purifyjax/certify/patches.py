"""Sound lower bounds on the class margins of a patch network, patch by patch."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from purifyjax.balls import DUAL_ORDER, Ball
from purifyjax.models.patch_cnn import smoothed_relu

_FULL = jax.lax.Precision.HIGHEST


def patch_margin(
    weight: Float[Array, "class filter dim"],
    exponent: int,
    knee: float,
    x: Float[Array, "n patches*dim"],
    y: Int[Array, " n"],
    ball: Ball,
) -> Float[Array, " n"]:
    """A lower bound of min over δ of F_y(x + δ) − max_{c ≠ y} F_c(x + δ); positive proves the prediction.

    σ never falls, and ⟨w, x_p + δ_p⟩ lies within ε ‖w‖_* of ⟨w, x_p⟩, so that

        F_y ≥ Σ_r Σ_p σ(⟨w_{y,r}, x_p⟩ − ε ‖w_{y,r}‖_*),   F_c ≤ Σ_r Σ_p σ(⟨w_{c,r}, x_p⟩ + ε ‖w_{c,r}‖_*).

    Args:
      weight, exponent, knee: of a `PatchCNN`.
      ball: with a part for every patch.
    """
    classes, filters, dim = weight.shape
    patches = x.reshape(len(x), -1, dim)
    product = jnp.einsum("npd,crd->npcr", patches, weight, precision=_FULL)
    # Room for rounding: of products and norms of d terms, and of sums of as many terms as there are activations.
    eps = float(jnp.finfo(jnp.float32).eps)
    reach = (1.0 + 2.0 * dim * eps) * ball.radius * jnp.linalg.norm(weight, ord=DUAL_ORDER[ball.norm], axis=-1)
    error = 2.0 * dim * eps * jnp.linalg.norm(patches, axis=-1)
    reach = reach[None, None] + error[:, :, None, None] * jnp.linalg.norm(weight, axis=-1)[None, None]
    share = (patches.shape[1] * filters + 4 * exponent) * eps
    low, high = (
        (1.0 + sign * share) * jnp.sum(smoothed_relu(product + sign * reach, exponent, knee), axis=(1, 3))
        for sign in (-1.0, 1.0)
    )
    own = jax.nn.one_hot(y, classes, dtype=bool)
    return jnp.sum(jnp.where(own, low, 0.0), axis=1) - jnp.max(jnp.where(own, -jnp.inf, high), axis=1)

"""Sound lower bounds on the class margins of a patch network, patch by patch."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from purifyjax.balls import DUAL_ORDER, Ball
from purifyjax.errors import require, require_count, require_real
from purifyjax.margins import require_classes, require_points
from purifyjax.models.patch_cnn import smoothed_relu
from purifyjax.norms import norm as norm_of

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

    Raises:
      ConfigError: points that are not rows of patches with a label each, labels that are no class, an exponent or knee
        out of range, or a ball of other parts.
    """
    classes, filters, dim = weight.shape
    require_points(x, y)
    require_count("exponent q", exponent, 2)
    require_real("knee ϱ", knee, "ϱ > 0, finite", lambda value: value > 0)
    patches = x.shape[1] // dim
    require(x.shape[1] == patches * dim, "length of a point", x.shape[1], f"a multiple of the patches' {dim}")
    require(ball.parts == patches, "parts of the ball", ball.parts, f"{patches}, one for every patch")
    require_classes(y, classes)
    patches = x.reshape(len(x), patches, dim)
    product = jnp.einsum("npd,crd->npcr", patches, weight, precision=_FULL)
    # Room for rounding: of products and norms of d terms, and of sums of as many terms as there are activations.
    eps = float(jnp.finfo(weight.dtype).eps)
    reach = (1.0 + 2.0 * dim * eps) * ball.radius * norm_of(weight, DUAL_ORDER[ball.norm])
    error = 2.0 * dim * eps * norm_of(patches, 2)
    reach = reach[None, None] + error[:, :, None, None] * norm_of(weight, 2)[None, None]
    share = (patches.shape[1] * filters + 4 * exponent) * eps
    low, high = (
        (1.0 + sign * share) * jnp.sum(smoothed_relu(product + sign * reach, exponent, knee), axis=(1, 3))
        for sign in (-1.0, 1.0)
    )
    own = jax.nn.one_hot(y, classes, dtype=bool)
    return jnp.sum(jnp.where(own, low, 0.0), axis=1) - jnp.max(jnp.where(own, -jnp.inf, high), axis=1)

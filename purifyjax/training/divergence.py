"""Whether a training came to numbers that are none."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool


def diverged(tree: Any) -> Bool[Array, ""]:
    """Whether any real number of a pytree (weights, thresholds, losses, a whole state) is infinite or NaN."""
    leaves = [jnp.asarray(leaf) for leaf in jax.tree.leaves(tree)]
    return ~jnp.all(
        jnp.array([jnp.all(jnp.isfinite(leaf)) for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.floating)], bool)
    )

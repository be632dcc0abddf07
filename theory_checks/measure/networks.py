"""The trained nets as parameters with a seed axis, and fresh points to evaluate them on."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np

from purifyjax.attacks.worst_case import MarginOf
from purifyjax.data import Patches, SparseCoding, sample, sample_patches
from purifyjax.models import SymmetricReLU, margin

NETS = ("clean", "robust")
EVALUATION = 0x5EED  # evaluation points come from keys that training never uses
_HIGHEST = jax.lax.Precision.HIGHEST

Arrays = dict[str, np.ndarray]
Tick = Callable[[int], object]


@cache
def margin_of(neurons: int) -> MarginOf:
    """params -> margin function, in full float32 whatever the device's default."""
    model = SymmetricReLU(neurons, precision=_HIGHEST)
    return lambda params: lambda x, y: margin(model, params, x, y)


def network(arrays: Arrays, net: str) -> dict[str, jax.Array]:
    """Parameters of the clean or the robust nets, with a leading seed axis."""
    return {"weight": jnp.asarray(arrays[f"w_{net}"]), "threshold": jnp.asarray(arrays[f"b_{net}"])}


@partial(jax.jit, static_argnums=(1, 3))
def fresh_points(seeds: jax.Array, n: int, data: SparseCoding | Patches, purpose: int) -> tuple[jax.Array, jax.Array]:
    """n evaluation points a seed, and their labels.

    Args:
      purpose: which of the independent sets: robustness 0, its curve 1, neurons 2, training's monitor 3,
        perturbations 4, certificates 5, simpler classes 6, their training points 7 and 8; of patch data training 9,
        robustness 10, its curve 11, certificates 12, the universal direction 13.
    """

    def one(seed):
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(EVALUATION), purpose), seed)
        batch = sample_patches(key, n, data) if isinstance(data, Patches) else sample(key, n, data)
        return batch[:2]

    return jax.lax.map(one, seeds)

"""The filters of a network, a row each."""

from __future__ import annotations

import re

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from purifyjax.models.margin import Params


def filters(params: Params) -> dict[str, Float[Array, "*seed filter fan_in"]]:
    """What each neuron or filter of a layer multiplies its inputs by, layer after layer.

    All leaves called `kernel`, [fan_in, filter] in dense layers and convolutions as products with `neighbourhoods`, are
    transposed. The name is the path, say "Dense_0/kernel". Axes before the last two, say one of seeds, stay.

    The order is that of the layers as Flax numbers them, in which Dense_10 comes after Dense_9.
    """
    found = {}
    for path, leaf in jax.tree.leaves_with_path(params):
        *_, last = keys = [str(getattr(entry, "key", entry)) for entry in path]
        if last == "kernel":
            found["/".join(keys)] = jnp.swapaxes(leaf, -1, -2)
    return {name: found[name] for name in sorted(found, key=_natural)}


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts numbers within names by their size."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]

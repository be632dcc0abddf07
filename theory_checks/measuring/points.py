"""Fresh points to evaluate nets on, from keys that training never uses.

They come in blocks of one size, each from a key of its own: any number of points of any purpose takes one program, and
the first points of a set are the same however many are drawn.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from purifyjax.data import Instance, Patches, SparseCoding, instance, sample, sample_patches
from purifyjax.seeds import each, over_seeds

EVALUATION = 0x5EED
BLOCK = 256

# What a set of points is for: sets of different purposes are independent. New ones are added at the end, since the
# place is part of the key.
Purpose = Literal[
    "robustness",
    "curve",
    "neurons",
    "monitor",
    "perturbations",
    "certificates",
    "simpler classes",
    "linear training",
    "kernel training",
    "patch training",
    "patch robustness",
    "patch curve",
    "patch certificates",
    "universal direction",
    "ranks",
    "selectivity",
    "mechanism",
    "dial",
    "polynomial search",
    "clean trainings",
]

Points = tuple[Float[Array, "seed n dim"], Float[Array, "seed n"]]
Codes = tuple[Float[Array, "seed n dim"], Float[Array, "seed n dim"]]


def fresh_points(seeds: ArrayLike, n: int, data: SparseCoding | Patches, purpose: Purpose) -> Points:
    """n evaluation points a seed, and their labels."""
    x, y, _ = _drawn(seeds, n, data, purpose)
    return x, y


def fresh_codes(seeds: ArrayLike, n: int, data: SparseCoding, purpose: Purpose) -> Codes:
    """n evaluation points a seed, and their codes z."""
    x, _, code = _drawn(seeds, n, data, purpose)
    return x, code


def _drawn(seeds: ArrayLike, n: int, data: SparseCoding | Patches, purpose: Purpose) -> tuple[Array, Array, Array]:
    """The first n points, labels and codes of every seed, each with a leading seed axis."""
    own, blocks = np.asarray(seeds), -(-n // BLOCK)
    pairs = np.repeat(own, blocks), np.tile(np.arange(blocks), len(own))
    # A random M is dear: it is drawn once, not with every block.
    fixed = None if isinstance(data, Patches) else instance_of(data)
    found = over_seeds(_fresh, pairs, np.int32(get_args(Purpose).index(purpose)), data, fixed)
    on_cpu = jax.default_backend() == "cpu"  # where numpy needs no program for it

    def first(part: Any) -> Any:
        part = np.asarray(part) if on_cpu else part
        part = part.reshape(len(own), blocks * BLOCK, *part.shape[2:])[:, :n]
        return jax.device_put(np.ascontiguousarray(part)) if on_cpu else part

    x, y, code = map(first, found)
    return x, y, code


instance_of = jax.jit(instance)  # in one program: eagerly every operation would be one


@jax.jit
def _fresh(
    seeds: jax.Array, blocks: jax.Array, purpose: jax.Array, data: SparseCoding | Patches, fixed: Instance | None
):
    """A block of points a pair of seed and block."""

    def one(place: tuple[jax.Array, jax.Array]):
        key = jax.random.fold_in(jax.random.key(EVALUATION), purpose)
        for number in place:
            key = jax.random.fold_in(key, number)
        batch = sample_patches(key, BLOCK, data) if isinstance(data, Patches) else sample(key, BLOCK, data, fixed)
        return tuple(batch)

    return each(one, (seeds, blocks))


def attack_key() -> PRNGKeyArray:
    """The key of what belongs to no seed."""
    return jax.random.key(EVALUATION)


def attack_keys(seeds: ArrayLike) -> PRNGKeyArray:
    """A key a seed for what is drawn in an evaluation: a seed's attacks do not depend on which others run beside it."""
    return jax.vmap(lambda seed: jax.random.fold_in(attack_key(), seed))(jnp.asarray(seeds))

"""Fresh points to evaluate nets on, from keys that training never uses."""

from __future__ import annotations

from functools import partial
from typing import Literal, get_args

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from purifyjax.data import Patches, SparseCoding, sample, sample_patches
from purifyjax.seeds import over_seeds

EVALUATION = 0x5EED

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


def fresh_points(seeds: jax.Array, n: int, data: SparseCoding | Patches, purpose: Purpose) -> Points:
    """n evaluation points a seed, and their labels."""
    place = get_args(Purpose).index(purpose)
    return over_seeds(_fresh, (jnp.asarray(seeds),), n, data, place, (0, 1))


def fresh_codes(seeds: jax.Array, n: int, data: SparseCoding, purpose: Purpose) -> Codes:
    """n evaluation points a seed, and their codes z."""
    place = get_args(Purpose).index(purpose)
    return over_seeds(_fresh, (jnp.asarray(seeds),), n, data, place, (0, 2))


@partial(jax.jit, static_argnums=(1, 3, 4))
def _fresh(seeds: jax.Array, n: int, data: SparseCoding | Patches, purpose: int, parts: tuple[int, int]):
    def one(seed: jax.Array):
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(EVALUATION), purpose), seed)
        batch = sample_patches(key, n, data) if isinstance(data, Patches) else sample(key, n, data)
        return tuple(batch[part] for part in parts)

    return jax.lax.map(one, jnp.asarray(seeds))


def attack_key() -> PRNGKeyArray:
    """The key of what belongs to no seed."""
    return jax.random.key(EVALUATION)


def attack_keys(seeds: ArrayLike) -> PRNGKeyArray:
    """A key a seed for what is drawn in an evaluation: a seed's attacks do not depend on which others run beside it."""
    return jax.vmap(lambda seed: jax.random.fold_in(attack_key(), seed))(jnp.asarray(seeds))

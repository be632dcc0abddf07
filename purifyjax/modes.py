"""The same numbers in every mode of JAX: with keys of any generator, and with 64-bit types enabled."""

from __future__ import annotations

from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from purifyjax.errors import require

GENERATOR = "threefry2x32"  # JAX's default, whose numbers do not depend on what they are drawn beside

Tree = TypeVar("Tree")


def typed(key: Any) -> PRNGKeyArray:
    """A key, or keys, as typed keys; raw ones (`jax.random.PRNGKey`) have two words (threefry) or four (rbg).

    Raises:
      ConfigError: neither.
    """
    dtype, shape = getattr(key, "dtype", None), np.shape(key)
    if dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key):
        return key
    words = {2: GENERATOR, 4: "rbg"}
    generator = words.get(shape[-1] if shape else 0) if dtype == np.uint32 else None
    require(generator, "key", key, "a key of jax.random.key, or an array of them")
    return jax.random.wrap_key_data(jnp.asarray(key), impl=generator)


def own_key(key: Any) -> PRNGKeyArray:
    """A key of Threefry: the key itself if it is one, else one that its words determine.

    Other generators draw other numbers under `vmap` than without it, so that a candidate drawn again is another one.

    Args:
      key: of `jax.random.key`, or a raw one of `jax.random.PRNGKey`.

    Raises:
      ConfigError: no key, or several.
    """
    own = typed(key)
    require(own.shape == (), "shape of the key", own.shape, "one key, such as jax.random.key(0)")
    if jax.random.key_impl(own) == GENERATOR:
        return own
    found = jax.random.key(0, impl=GENERATOR)
    for word in jax.random.key_data(own).ravel():
        found = jax.random.fold_in(found, word)
    return found


def single(tree: Tree) -> Tree:
    """The real numbers of a pytree in float32, if 64-bit types are enabled: they change no result then."""
    if not jax.config.jax_enable_x64:  # pyright: ignore[reportAttributeAccessIssue]
        return tree

    def one(leaf: Any) -> Any:
        if isinstance(leaf, float):
            return np.float32(leaf)
        wide = hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, np.float64)
        return leaf.astype(np.float32) if wide else leaf

    return jax.tree.map(one, tree)

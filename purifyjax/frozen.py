"""Arrays inside frozen records: equal and hashed by what they hold, so that equal records share a program."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np


class FrozenArray:
    """An array that does not change, equal to another of the same bytes, shape and dtype.

    Attributes:
      array: the numbers, not writeable.
    """

    __slots__ = ("array", "_hash")

    def __init__(self, array: Any) -> None:
        self.array = np.array(array)
        self.array.setflags(write=False)
        self._hash = hash((self.array.shape, self.array.dtype.str, self.array.tobytes()))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FrozenArray) or self._hash != other._hash:
            return False
        mine, theirs = self.array, other.array
        return mine.shape == theirs.shape and mine.dtype == theirs.dtype and mine.tobytes() == theirs.tobytes()

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"FrozenArray(shape={self.array.shape}, dtype={self.array.dtype})"

    def tolist(self) -> Any:
        """As nested lists."""
        return self.array.tolist()


class FrozenTree:
    """A pytree of arrays that does not change, equal to another of the same structure and equal leaves.

    Attributes:
      tree: the pytree.
    """

    __slots__ = ("tree", "_key")

    def __init__(self, tree: Any) -> None:
        leaves, structure = jax.tree.flatten(tree)
        frozen = tuple(FrozenArray(leaf) for leaf in leaves)
        self.tree = jax.tree.unflatten(structure, [leaf.array for leaf in frozen])
        self._key = (structure, frozen)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FrozenTree) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


def frozen(array: Any) -> FrozenArray:
    """The array, frozen; a frozen one as it is."""
    return array if isinstance(array, FrozenArray) else FrozenArray(array)

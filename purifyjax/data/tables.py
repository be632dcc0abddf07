"""A table of codes as one leaf of a config, and rows drawn from it."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from purifyjax.errors import require, require_real


@jax.tree_util.register_pytree_node_class
class CodeTable:
    """Codes z, one a row: traced by jit, and told by its size and a hash wherever configs are described.

    Two tables are equal if, and only if, they hold the same numbers.

    Attributes:
      codes: [row, d].
    """

    def __init__(self, codes: Float[Array, "row dim"]) -> None:
        self.codes = codes

    def __repr__(self) -> str:
        return f"CodeTable(shape={np.shape(self.codes)})"

    def tolist(self) -> dict[str, Any]:
        """Size and hash: the plain values by which fingerprints and reports know the table."""
        return {"shape": list(self.codes.shape), "sha256": self._digest}

    @cached_property
    def _digest(self) -> str:
        return hashlib.sha256(np.asarray(self.codes).tobytes()).hexdigest()[:16]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CodeTable) and (self is other or self.tolist() == other.tolist())

    def __hash__(self) -> int:
        return hash(self._digest)

    def tree_flatten(self) -> tuple[tuple[Array], None]:
        return (self.codes,), None

    @classmethod
    def tree_unflatten(cls, _: None, children: tuple[Any]) -> CodeTable:
        return cls(*children)


def require_table(table: Any, dimension: int) -> None:
    """Raise `ConfigError` unless it is a table of finite codes of this dimension."""
    allowed = f"at least one row of d = {dimension} numbers"
    require(isinstance(table, CodeTable) and hasattr(table.codes, "shape"), "table", table, f"a CodeTable of {allowed}")
    rows, *columns = (*table.codes.shape, 0)
    require(rows >= 1 and columns == [dimension, 0], "table", table, allowed)
    require_real("codes of the table", table.codes, "finite numbers")


def scores(codes: Float[Array, "row dim"], label_weights: Float[Array, " dim"]) -> Float[Array, " row"]:
    """⟨w*, z⟩ of every row."""
    return jnp.matmul(codes, label_weights, precision=jax.lax.Precision.HIGHEST)


def draw_rows(
    key: PRNGKeyArray,
    n: int,
    codes: Float[Array, "row dim"],
    label_weights: Float[Array, " dim"],
    margin: float | Float[Array, ""],
) -> tuple[Float[Array, "n dim"], Float[Array, " n"]]:
    """n rows with |⟨w*, z⟩| ≥ γ, each as likely as the others and with replacement, and their ⟨w*, z⟩.

    NaN if the table has no such row.
    """
    score = scores(codes, label_weights)
    rank = jnp.cumsum(jnp.abs(score) >= margin, dtype=jnp.int32)
    count = rank[-1]
    # The first row of rank r is the r-th that meets the margin.
    row = jnp.searchsorted(rank, jax.random.randint(key, (n,), 1, jnp.maximum(count, 1) + 1, jnp.int32))
    found = count > 0
    code = jnp.where(found, jnp.asarray(codes)[row], jnp.nan).astype(jnp.float32)
    return code, jnp.where(found, score[row], jnp.nan)

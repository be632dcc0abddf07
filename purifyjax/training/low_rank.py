"""Training under a bound on the rank of the weights' change, as a link of an optax chain."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from purifyjax.errors import require_count, require_real
from purifyjax.modes import GENERATOR
from purifyjax.settings import whole

_FULL = jax.lax.Precision.HIGHEST


class LowRankState(NamedTuple):
    """Of one matrix W.

    Attributes:
      start: W₀, from which the change is counted.
      basis: V, orthonormal columns that span the row space of the change; those beyond the rank are zero.
      rank: r, traced: runs of different ranks share a program and may be an axis.
    """

    start: Float[Array, "row column"]
    basis: Float[Array, "column largest"]
    rank: Int[Array, ""]


def low_rank(largest: int) -> optax.GradientTransformation:
    """Make every step of W end at W₀ + Π_r(W + step − W₀), Π_r the nearest matrix of rank r.

    Projected descent, last in a chain: what comes before it (momentum, Adam, the learning rate) sees full gradients.
    It has no setting of its own, and at r = min(row, column) it changes nothing. To first order in the step it moves
    along the tangent space of the matrices of rank r. Factors W₀ + U Vᵀ trained by themselves move at a pace that
    depends on their sizes, and not at all from U = V = 0.

    Π_r is found by subspace iteration that goes on from the last step's V (as in PowerSGD: Vogels, Karimireddy &
    Jaggi, arXiv 1905.13727), Z = W + step − W₀:

        V ← orthonormal columns of Zᵀ Z V,    Π_r(Z) = Z V Vᵀ.

    The rank is at most r at every step; that it is the nearest such matrix holds as far as a step changes Z by little.

    Args:
      largest: width of V, at least r (static). The state's rank starts at it.

    Raises:
      ConfigError: a width that is no whole number, or below 1.
    """
    require_count("rank", largest)

    def init(params: Float[Array, "row column"]) -> LowRankState:
        # Any basis in general position: the first steps turn it into that of the first gradients.
        basis = jax.random.normal(jax.random.key(0, impl=GENERATOR), (params.shape[1], largest), params.dtype)
        return LowRankState(jnp.copy(params), basis, jnp.int32(largest))

    def update(updates: Any, state: LowRankState, params: Any = None) -> tuple[Any, LowRankState]:
        change = params + updates.astype(params.dtype) - state.start
        image = jnp.matmul(change.T, jnp.matmul(change, state.basis, precision=_FULL), precision=_FULL)
        # Columns beyond the rank come after those within it, and do not change them.
        kept = (jnp.arange(largest) < state.rank)[None, :]
        basis = jnp.where(kept, jnp.linalg.qr(image)[0], 0.0)
        projected = jnp.matmul(jnp.matmul(change, basis, precision=_FULL), basis.T, precision=_FULL)
        return state.start + projected - params, state._replace(basis=basis)

    return optax.GradientTransformation(init, update)  # pyright: ignore[reportArgumentType]


def with_rank(state: Any, rank: int | Int[Array, "*s"]) -> Any:
    """An optimiser's state in which every `low_rank` link keeps to this rank, or to its largest if that is lower.

    Raises:
      ConfigError: a rank that is no whole number, or below 1.
    """
    require_real("rank", rank, "a whole number, at least 1", lambda r: whole(r) & (r >= 1))

    def lowered(node: Any) -> Any:
        if not isinstance(node, LowRankState):
            return node
        return node._replace(rank=jnp.minimum(node.rank, jnp.asarray(rank, jnp.int32)))

    return jax.tree.map(lowered, state, is_leaf=lambda node: isinstance(node, LowRankState))


def low_rank_everywhere(largest: int) -> optax.GradientTransformation:
    """`low_rank` of every matrix of a pytree, its width capped at the matrix's sides; all other leaves are free."""

    def link(leaf: Array) -> optax.GradientTransformation:
        return low_rank(min(largest, *leaf.shape)) if leaf.ndim == 2 else optax.identity()

    def init(params: Any) -> tuple[Any, ...]:
        return tuple(link(leaf).init(leaf) for leaf in jax.tree.leaves(params))

    def update(updates: Any, state: tuple[Any, ...], params: Any = None) -> tuple[Any, tuple[Any, ...]]:
        leaves, tree = jax.tree.flatten(params)
        steps = zip(leaves, jax.tree.leaves(updates), state, strict=True)
        found = [link(leaf).update(step, own, leaf) for leaf, step, own in steps]
        return tree.unflatten([step for step, _ in found]), tuple(own for _, own in found)

    return optax.GradientTransformation(init, update)  # pyright: ignore[reportArgumentType]

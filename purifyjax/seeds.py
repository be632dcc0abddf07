"""Seeds: a key each, how many go into one program, and side by side on the cores of a CPU.

Programs of small networks keep only one core busy.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Int, PRNGKeyArray

_MEMORY_SHARE = 0.6


def seed_keys(seeds: ArrayLike) -> PRNGKeyArray:
    """One independent key a seed; a seed's run does not depend on which others run beside it."""
    return jax.vmap(jax.random.key)(jnp.asarray(seeds))


def seeds_at_once(bytes_a_seed: float, seeds: int) -> int:
    """How many seeds to vmap: one on a CPU, where a seed's weights then stay in cache, else what fits in memory."""
    device = jax.devices()[0]
    if device.platform == "cpu":
        return 1
    stats = device.memory_stats() or {}
    if "bytes_limit" not in stats:
        return seeds
    return int(np.clip(_MEMORY_SHARE * stats["bytes_limit"] / bytes_a_seed, 1, seeds))


def seed_groups(seeds: int) -> list[Int[np.ndarray, " own"]]:
    """The seeds in consecutive groups of one size, one a core; a single group on an accelerator.

    The last group repeats the last seed where it must: groups of one size share a program, and wait for each other.
    """
    cores = int(os.environ.get("PJRT_NPROC", os.cpu_count() or 1)) if jax.default_backend() == "cpu" else 1
    size = -(-seeds // cores)
    return [np.minimum(np.arange(start, start + size), seeds - 1) for start in range(0, seeds, size)]


def take(group: Int[np.ndarray, " own"], tree: Any) -> Any:
    """A group's part of arrays with a leading seed axis; the arrays themselves if it is all of them."""

    def part(leaf: Any) -> Any:
        return leaf if np.array_equal(group, np.arange(len(leaf))) else leaf[group]

    return jax.tree.map(part, tree)


def join(parts: Sequence[Any], seeds: int) -> Any:
    """The groups' results as arrays with a leading seed axis again, without repeated seeds."""
    return parts[0] if len(parts) == 1 else jax.tree.map(lambda *leaves: jnp.concatenate(leaves)[:seeds], *parts)


def in_threads(run: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], *, compiled: bool) -> list[Any]:
    """`run(*arguments[g])` of every group g, in threads.

    Args:
      compiled: whether `run` has its program already; without it groups take turns, so that it is compiled once.
    """
    if not compiled or len(arguments) == 1:
        return [run(*own) for own in arguments]
    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(lambda own: jax.block_until_ready(run(*own)), arguments))

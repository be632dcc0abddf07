"""Seeds: a key each, how many go into one program, and side by side on the cores of a CPU.

Programs of small networks keep only one core busy.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Int, PRNGKeyArray

_MEMORY_SHARE = 0.6
_programs: WeakKeyDictionary[Callable[..., Any], set[Any]] = WeakKeyDictionary()  # that functions were called with


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


def over_seeds(run: Callable[..., Any], own: Any, *shared: Any, threads: int | None = None) -> Any:
    """`run(*own, *shared)` for all seeds, side by side on the cores of a CPU, in one call on an accelerator.

    On a CPU every seed is a call of its own, of a program for one seed: its numbers are then the same to the last bit
    whichever seeds run beside it, since programs for several seeds are compiled, and round, in their own ways. The
    first call of a program has no other beside it, so that it is compiled once.

    Args:
      run: a jitted function of arrays with a leading axis of seeds, giving arrays with such an axis.
      own: a tuple of pytrees with that axis.
      shared: what all seeds share, static arguments of `run` included.
      threads: calls at a time; as many as there are cores if None.
    """
    groups = _groups(len(jax.tree.leaves(own)[0]))
    arguments = [(*take(group, own), *shared) for group in groups]
    programs, program = _programs.setdefault(run, set()), _program(arguments[0])
    found = [] if program in programs else [run(*arguments.pop(0))]
    programs.add(program)
    workers = min(cores() if threads is None else threads, len(arguments))
    if workers > 1:
        with ThreadPoolExecutor(workers) as pool:
            found += pool.map(lambda one: jax.block_until_ready(run(*one)), arguments)
    else:
        found += [run(*one) for one in arguments]
    return found[0] if len(found) == 1 else jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *found)


def _program(arguments: tuple[Any, ...]) -> Any:
    """What a jitted function's program hangs on: structure, shapes and types, and the values of what is static."""

    def kind(leaf: Any) -> Any:
        if isinstance(leaf, jax.Array | np.ndarray):
            return leaf.shape, leaf.dtype
        return type(leaf) if isinstance(leaf, float) else leaf

    leaves, structure = jax.tree.flatten(arguments)
    return structure, tuple(map(kind, leaves))


def cores() -> int:
    """Of the CPU, as XLA counts them: it takes what PJRT_NPROC says where that is a number above 0."""
    said = os.environ.get("PJRT_NPROC", "")
    return int(said) if said.isdecimal() and int(said) else os.cpu_count() or 1


def take(group: Int[np.ndarray, " own"], tree: Any) -> Any:
    """A group's part of arrays with a leading seed axis; the arrays themselves if it is all of them."""

    def part(leaf: Any) -> Any:
        return leaf if np.array_equal(group, np.arange(len(leaf))) else leaf[group]

    return jax.tree.map(part, tree)


def _groups(seeds: int) -> list[Int[np.ndarray, " own"]]:
    """The seeds one by one on a CPU, all together elsewhere."""
    each = np.arange(seeds)
    return [each[i : i + 1] for i in each] if jax.default_backend() == "cpu" else [each]

"""Seeds side by side on the cores of a CPU: programs of small networks keep only one of them busy."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import jax
import numpy as np


def seed_groups(seeds: int) -> list[slice]:
    """The seeds in consecutive groups, one a core; a single group on an accelerator."""
    cores = int(os.environ.get("PJRT_NPROC", os.cpu_count() or 1)) if jax.default_backend() == "cpu" else 1
    ends = np.linspace(0, seeds, min(cores, seeds) + 1).round().astype(int)
    return [slice(start, end) for start, end in pairwise(ends)]


def take(group: slice, tree: Any) -> Any:
    """A group's part of arrays with a leading seed axis."""
    return jax.tree.map(lambda leaf: leaf[group], tree)


def in_threads(run: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], *, compiled: bool) -> list[Any]:
    """`run(*arguments[g])` of every group g, in threads.

    Args:
      compiled: whether `run` has its program already; without it groups take turns, so that it is compiled once.
    """
    if not compiled or len(arguments) == 1:
        return [run(*own) for own in arguments]
    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(lambda own: jax.block_until_ready(run(*own)), arguments))

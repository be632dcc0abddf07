"""Seeds: a key each, how many go into one program, and side by side on the cores of a CPU.

Programs of small networks keep only one core busy.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from threading import Condition
from typing import Any
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import ArrayLike, Int, PRNGKeyArray

_MEMORY_SHARE = 0.6
_AT_ONCE = 8
_AXIS = "seed"
_programs: WeakKeyDictionary[Callable[..., Any], set[Any]] = WeakKeyDictionary()  # that functions were called with
_look: ContextVar[Callable[[], None]] = ContextVar("look", default=lambda: None)


class _Cores:
    """The cores of this process, that calls in all of its threads take in turns."""

    def __init__(self) -> None:
        self._free = Condition()
        self._taken = self._asking = 0  # cores; callers who want all of them

    @contextmanager
    def taken(self, number: int) -> Iterator[None]:
        """Within the block so many cores, or all if there are fewer, are this caller's."""
        number = min(number, cores())
        every = number > 1
        with self._free:
            # Nobody else begins while someone waits for all: that would never be their turn.
            self._asking += every
            try:
                self._free.wait_for(lambda: self._taken + number <= cores() and (every or not self._asking))
            finally:
                self._asking -= every
            self._taken += number
        try:
            yield
        finally:
            with self._free:
                self._taken -= number
                self._free.notify_all()


_cores = _Cores()


@contextmanager
def alone() -> Iterator[None]:
    """Within the block no other thread is within `over_seeds`, for what measures time. Not to be nested with it."""
    with _cores.taken(cores()):
        yield


@contextmanager
def interruptible(look: Callable[[], None]) -> Iterator[None]:
    """Within the block `look` is called before every call of `over_seeds`, which ends with what it raises."""
    token = _look.set(look)
    try:
        yield
    finally:
        _look.reset(token)


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
    """`run(*own, *shared)` for all seeds, side by side on the cores of a CPU, in one call on accelerators.

    Several devices share the seeds: an axis of their mesh, each device computing its seeds alone.

    On a CPU every seed is a call of its own, of a program for one seed: its numbers are then the same to the last bit
    whichever seeds run beside it, since programs for several seeds are compiled, and round, in their own ways. The
    first call of a program has no other of it beside it, so that it is compiled once. Calls from several threads share
    the cores.

    Args:
      run: a jitted function of arrays with a leading axis of seeds, giving arrays with such an axis.
      own: a tuple of pytrees with that axis.
      shared: what all seeds share, static arguments of `run` included.
      threads: calls at a time; as many as there are cores if None.
    """
    _look.get()()
    if jax.local_device_count() > 1:
        return _on_devices(run, own, shared)

    def call(arguments: tuple[Any, ...]) -> Any:
        with _cores.taken(1):
            return jax.block_until_ready(run(*arguments))

    groups = _groups(len(jax.tree.leaves(own)[0]))
    arguments = [(*take(group, own), *shared) for group in groups]
    programs, program = _programs.setdefault(run, set()), _program(arguments[0])
    found = [] if program in programs else [call(arguments.pop(0))]
    programs.add(program)
    workers = min(cores() if threads is None else threads, len(arguments))
    if workers > 1:
        with ThreadPoolExecutor(workers) as pool:
            found += pool.map(call, arguments)
    else:
        found += map(call, arguments)
    return found[0] if len(found) == 1 else jax.tree.map(_joined, *found)


def _on_devices(run: Callable[..., Any], own: Any, shared: tuple[Any, ...]) -> Any:
    """All seeds in one call; the last one is repeated where devices would have none."""
    seeds, devices = len(jax.tree.leaves(own)[0]), tuple(jax.local_devices())
    total = -(-seeds // len(devices)) * len(devices)
    part = take(np.minimum(np.arange(total), seeds - 1), own)
    leaves, structure = jax.tree.flatten(shared)
    traced = tuple(isinstance(leaf, jax.Array | np.ndarray | np.generic | float) for leaf in leaves)
    fixed = tuple(None if is_traced else leaf for leaf, is_traced in zip(leaves, traced, strict=True))
    program = _on_mesh(run, devices, structure, traced, fixed)
    found = program(part, [leaf for leaf, is_traced in zip(leaves, traced, strict=True) if is_traced])
    return jax.tree.map(lambda leaf: leaf[:seeds], found)


@cache
def _on_mesh(run, devices, structure, traced, fixed) -> Callable[[Any, list[Any]], Any]:
    """`run` of every device's seeds, with what is not traced of `shared` in it."""

    def of_a_device(own: Any, numbers: list[Any]) -> Any:
        left = iter(numbers)
        leaves = [next(left) if is_traced else leaf for leaf, is_traced in zip(fixed, traced, strict=True)]
        return run(*own, *jax.tree.unflatten(structure, leaves))

    return on_mesh(of_a_device, devices)


def on_mesh(run: Callable[[Any, Any], Any], devices: tuple[Any, ...]) -> Callable[[Any, Any], Any]:
    """`run(own, shared)` of every device's part of `own` along its first axis, alone, jitted; results along that axis.

    Args:
      devices: whose number divides the axis.
    """
    mesh, spec = Mesh(np.array(devices), (_AXIS,)), PartitionSpec(_AXIS)
    return jax.jit(jax.shard_map(run, mesh=mesh, in_specs=(spec, PartitionSpec()), out_specs=spec, check_vma=False))


def each(one: Callable[[Any], Any], own: Any, at_once: int | None = None) -> Any:
    """`one` of every seed's part of `own`, one after another, or so many at once, within a program.

    A single seed, as a program on a CPU has it, takes no loop, which would copy what it loops over. On accelerators
    eight at once are the default: attacks and monitors of one seed fill none.
    """
    if len(jax.tree.leaves(own)[0]) > 1:
        few = None if jax.default_backend() == "cpu" else _AT_ONCE
        return jax.lax.map(one, own, batch_size=few if at_once is None else at_once)
    return jax.tree.map(lambda leaf: leaf[None], one(jax.tree.map(lambda leaf: leaf[0], own)))


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
        if isinstance(leaf, Cut):
            return leaf.part(group)
        if np.array_equal(group, np.arange(len(leaf))):
            return leaf
        # `jnp.asarray` compiles a program for every shape; `device_put` does not.
        return jax.device_put(np.asarray(leaf)[group]) if _on_host(leaf) else leaf[group]

    return jax.tree.map(part, tree)


class Cut:
    """Arrays with a leading seed axis that many calls of `over_seeds` are given: each seed's part is copied once."""

    def __init__(self, tree: Any) -> None:
        self._tree, self._parts = tree, {}

    def part(self, group: Int[np.ndarray, " own"]) -> Any:
        """As of `take`."""
        key = group.tobytes()
        if key not in self._parts:
            self._parts[key] = take(group, self._tree)
        return self._parts[key]


def _joined(*leaves: Any) -> Any:
    """One after another along the seed axis."""
    if all(map(_on_host, leaves)):
        return jax.device_put(np.concatenate([np.asarray(leaf) for leaf in leaves]))
    return jnp.concatenate(leaves)


def _on_host(leaf: Any) -> bool:
    """Whether numpy reads it where it lies: nothing has to be compiled then."""
    if isinstance(leaf, jax.Array):
        return jax.default_backend() == "cpu" and not jnp.issubdtype(leaf.dtype, jax.dtypes.extended)
    return isinstance(leaf, np.ndarray)


def _groups(seeds: int) -> list[Int[np.ndarray, " own"]]:
    """The seeds one by one on a CPU, all together elsewhere."""
    each = np.arange(seeds)
    return [each[i : i + 1] for i in each] if jax.default_backend() == "cpu" else [each]

"""The cells of a block, computed: one program a shape, sharded over the devices, side by side on a CPU's cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from purifyjax.errors import ConfigError, require_count
from purifyjax.grids.task import Task
from purifyjax.seeds import cores, on_mesh, seeds_at_once

Arrays = dict[str, np.ndarray]  # every one with a leading axis of cells
_IN_CACHE = 2**22  # bytes that cells of one call of a CPU's program take together
_MOST_AT_ONCE = 16  # of them: more gain nothing there
_FULL_MEMORY = ("RESOURCE_EXHAUSTED", "Out of memory")


class Computer:
    """Computes cells, so many at once as the memory has room for.

    Attributes:
      width: cells a call and device, by shape; halved where the memory was too small for them.
    """

    def __init__(self, told: Callable[[str], None] = lambda sentence: None) -> None:
        self._told = told
        self.width: dict[Any, int] = {}

    def __call__(self, tasks: Sequence[Task], seeds: Sequence[int]) -> Arrays:
        """The numbers of cells of one shape.

        On a CPU with one device calls run side by side, one a core; on several devices every call has cells for each.

        Raises:
          ConfigError: one cell is too large for the memory.
        """
        shape = jax.tree.structure(tasks[0])
        width = self.width.setdefault(shape, at_once(tasks[0], len(tasks)))
        while True:
            try:
                return _computed(tasks, seeds, width)
            except (jax.errors.JaxRuntimeError, MemoryError) as error:
                if not isinstance(error, MemoryError) and not any(word in str(error) for word in _FULL_MEMORY):
                    raise
                if width == 1:
                    need = "a smaller one, or a device with more memory"
                    raise ConfigError(f"a cell of {tasks[0]!r} does not fit into memory: {need}") from error
                width = self.width[shape] = width // 2
                self._told(f"memory was too small: {width} cells at once from now on")


def at_once(task: Task, cells: int) -> int:
    """How many cells a device computes in one call."""
    if jax.devices()[0].platform == "cpu":
        return int(np.clip(_IN_CACHE // task.cell_bytes, 1, min(_MOST_AT_ONCE, cells)))
    return seeds_at_once(task.cell_bytes, max(1, -(-cells // jax.local_device_count())))


def stacked(tasks: Sequence[Task]) -> Task:
    """Tasks of one shape as one task whose traced settings are arrays."""

    def column(*values: Any) -> np.ndarray:
        array = np.asarray(values)
        return array.astype(np.int32 if array.dtype.kind in "iu" else np.float32)

    return jax.tree.map(column, *tasks)


@cache
def program(devices: tuple[Any, ...]) -> Callable[[Any, Any], Any]:
    """((stacked tasks, seeds), ()) -> the numbers of every cell, jitted; each device computes its part alone."""

    def cells(own: tuple[Task, jax.Array], shared: tuple[()]) -> dict[str, jax.Array]:
        del shared

        def one(task: Task, seed: jax.Array) -> dict[str, jax.Array]:
            return {name: jnp.asarray(value) for name, value in task(jax.random.key(seed)).items()}

        return jax.vmap(one)(*own)

    return jax.jit(cells) if len(devices) == 1 else on_mesh(cells, devices)


def _computed(tasks: Sequence[Task], seeds: Sequence[int], width: int) -> Arrays:
    require_count("number of cells", len(tasks))
    devices = tuple(jax.local_devices())
    run, size = program(devices), width * len(devices)
    # The last call repeats its last cell: one shape, one program.
    places = [np.minimum(np.arange(i, i + size), len(tasks) - 1) for i in range(0, len(tasks), size)]

    def call(own: np.ndarray) -> Arrays:
        part = stacked([tasks[i] for i in own])
        found = run((part, np.array([seeds[i] for i in own], np.uint32)), ())
        return {name: np.asarray(values) for name, values in found.items()}

    found = [call(places[0])]  # alone: compiled once
    workers = cores() if devices[0].platform == "cpu" and len(devices) == 1 else 1
    if workers > 1 and len(places) > 1:
        with ThreadPoolExecutor(workers) as pool:
            found += pool.map(call, places[1:])
    else:
        found += map(call, places[1:])
    return {name: np.concatenate([part[name] for part in found])[: len(tasks)] for name in found[0]}

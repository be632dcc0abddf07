"""A declarative grid: settings of a task × seeds, and the blocks that it is cut into."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int

from purifyjax.errors import ConfigError, require, require_count
from purifyjax.grids.task import Task, name_of, settings_of, task_named
from purifyjax.sweep import fingerprint

MOST = 10_000_000  # cells
SEED = "seed"


@dataclass(frozen=True)
class Block:
    """Cells of one shape that are computed, and stored, together.

    Attributes:
      number: of the block in its grid.
      cells: numbers of its cells, which are the rows of `Grid.table`.
    """

    number: int
    cells: Int[np.ndarray, " cell"]

    @property
    def name(self) -> str:
        """Of its record and of its claim."""
        return f"{self.number:06d}"


@dataclass(frozen=True)
class Grid:
    """Settings × seeds.

    Attributes:
      task: what is done at every cell; settings that are not varied have its values.
      over: name -> values. "dimension,sparsity" with pairs as values moves two settings together. All combinations of
        the entries are cells.
      seeds: whole numbers, each at every combination.
      block: cells in a block, at most.
    """

    task: Task
    over: Mapping[str, Sequence[Any]]
    seeds: tuple[int, ...]
    block: int = 64

    def validate(self) -> None:
        """Raise `ConfigError` for a grid that cannot be, and for settings that its task refuses."""
        require_count("block", self.block)
        require(len(self.seeds), "seeds", self.seeds, "at least one")
        require(len(set(self.seeds)) == len(self.seeds), "seeds", self.seeds, "distinct")
        known, named = settings_of(self.task), [name for key in self.over for name in key.split(",")]
        for name in named:
            require(name in known, "--over", name, f"settings of the task: {', '.join(known)}")
            require(named.count(name) == 1, "--over", name, "each setting once")
        for key, values in self.over.items():
            require(len(values), f"--over {key}", values, "at least one value")
            together = [tuple(values_of(key, value)) for value in values]
            require(len(set(together)) == len(together), f"--over {key}", values, "distinct values")
        count = len(self.seeds) * int(np.prod([len(values) for values in self.over.values()], dtype=np.int64))
        require(count <= MOST, "cells", count, f"at most {MOST}")
        for task in self.tasks:
            task.validate()

    @cached_property
    def settings(self) -> list[dict[str, Any]]:
        """Every combination of the settings that are varied, those of one shape after each other."""
        found = []
        for values in itertools.product(*self.over.values()):
            own = zip(self.over, values, strict=True)
            pairs = [zip(key.split(","), values_of(key, value), strict=True) for key, value in own]
            found.append(dict(itertools.chain.from_iterable(pairs)))
        shapes = list(dict.fromkeys(map(self._shape, found)))
        return sorted(found, key=lambda own: shapes.index(self._shape(own)))

    @cached_property
    def tasks(self) -> list[Task]:
        """The task with each of `settings`."""
        return [self.task.replace(**own) for own in self.settings]

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row a cell: its number, the settings of its task, its seed."""
        fixed = {name: getattr(self.task, name) for name in settings_of(self.task)}
        rows = [fixed | own | {SEED: seed} for own in self.settings for seed in self.seeds]
        frame = pd.DataFrame(rows)
        frame.insert(0, "cell", np.arange(len(frame)))
        return frame

    @cached_property
    def blocks(self) -> list[Block]:
        """Consecutive cells of one shape, as many a block as allowed."""
        found: list[Block] = []
        shapes = [self._shape(own) for own in self.settings]
        start = 0
        for _, group in itertools.groupby(shapes):
            end = start + len(list(group)) * len(self.seeds)
            for first in range(start, end, self.block):
                found.append(Block(len(found), np.arange(first, min(first + self.block, end))))
            start = end
        return found

    def tasks_of(self, block: Block) -> list[Task]:
        """The task at each of the block's cells."""
        return [self.tasks[cell // len(self.seeds)] for cell in block.cells]

    def seeds_of(self, block: Block) -> list[int]:
        """The seed at each of the block's cells."""
        return [self.seeds[cell % len(self.seeds)] for cell in block.cells]

    def _shape(self, own: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
        known = settings_of(self.task)
        return tuple((name, value) for name, value in own.items() if known.get(name, True))

    def plain(self) -> dict[str, Any]:
        """As JSON values; `from_plain` undoes it."""
        return {
            "task": name_of(self.task),
            "settings": {name: getattr(self.task, name) for name in settings_of(self.task)},
            "over": {key: [list(values_of(key, value)) for value in values] for key, values in self.over.items()},
            "seeds": list(map(int, self.seeds)),
            "block": self.block,
        }

    @property
    def mark(self) -> str:
        """The fingerprint of all that decides its numbers."""
        return fingerprint(self.plain())


def from_plain(values: Mapping[str, Any]) -> Grid:
    """The grid that `plain` described."""
    task = task_named(values["task"]).replace(**values["settings"])
    over = {key: [own[0] if len(own) == 1 else tuple(own) for own in rows] for key, rows in values["over"].items()}
    return Grid(task, over, tuple(values["seeds"]), values["block"])


def values_of(key: str, value: Any) -> tuple[Any, ...]:
    """One value a setting of the key; `ConfigError` where their numbers differ."""
    names = key.split(",")
    own = tuple(value) if isinstance(value, tuple | list) else (value,)
    if len(own) != len(names):
        raise ConfigError(f"--over {key} = {value!r} is not allowed: {len(names)} values together, one a setting")
    return own

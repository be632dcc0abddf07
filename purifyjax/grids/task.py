"""What is done at every cell of a grid: a record of settings that is called with a key."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar

from flax import struct
from jaxtyping import Array, PRNGKeyArray

from purifyjax.errors import ConfigError, require

# Tasks that have a short name on the command line.
TASKS = {"purification": "purifyjax.tasks.purification:Purification"}


def static(default: Any) -> Any:
    """A field that decides shapes or programs: each of its values is compiled for."""
    return struct.field(pytree_node=False, default=default)


class Task(struct.PyTreeNode):
    """Base of tasks: settings as fields, a pure function of a key that gives numbers by name.

    Fields made by `static` decide programs. The others are real numbers and are traced: a sweep over them compiles
    nothing. A number `diverged`, if there is one, says which cells are void; else those with a NaN are.

        class Mean(Task):
            n: int = static(8)
            scale: float = 1.0
            columns = {"mean": "of n normal numbers, in units of 1"}

            def __call__(self, key):
                return {"mean": jnp.mean(self.scale * jax.random.normal(key, (self.n,)))}

    Attributes:
      columns: what every number means, with its unit.
    """

    columns: ClassVar[Mapping[str, str]] = {}

    def __call__(self, key: PRNGKeyArray) -> Mapping[str, Array]:
        """The numbers of a cell: scalars become columns, arrays lie beside the table."""
        raise NotImplementedError

    def validate(self) -> None:
        """Raise `ConfigError` for settings that cannot be, before anything is computed."""

    @property
    def cell_bytes(self) -> float:
        """Memory that one cell takes: it decides how many are computed at once."""
        return float(2**20)


def settings_of(task: Task | type[Task]) -> dict[str, bool]:
    """The names of its settings, and whether each is static."""
    return {field.name: not field.metadata.get("pytree_node", True) for field in fields(task)}


def task_named(name: str) -> Task:
    """The task of a short name, or of MODULE:CLASS, with its default settings.

    Raises:
      ConfigError: there is no such task.
    """
    allowed = f"{', '.join(TASKS)}, or MODULE:CLASS of a class that derives from purifyjax.grids.Task"
    place = TASKS.get(name, name)
    module, colon, kind = place.partition(":")
    require(colon and module and kind, "TASK", name, allowed)
    try:
        found = getattr(importlib.import_module(module), kind)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"TASK = {name!r} is not allowed: {error}") from None
    require(isinstance(found, type) and issubclass(found, Task), "TASK", name, allowed)
    try:
        return found()
    except TypeError as error:
        raise ConfigError(f"TASK = {name!r} is not allowed: every setting needs a default, but {error}") from None


def name_of(task: Task) -> str:
    """The name by which `task_named` finds it."""
    kind = type(task)
    place = f"{kind.__module__}:{kind.__qualname__}"
    return next((name for name, known in TASKS.items() if known == place), place)

"""A task whose numbers have closed forms."""

import os
import time
from typing import ClassVar

import jax
import jax.numpy as jnp

from purifyjax.errors import require
from purifyjax.grids import Task, static

TRACES: list[int] = []  # n of every trace


class Walk(Task):
    """A walk of n steps of a size, and where it is afterwards.

    Attributes:
      steps: n.
      size: of a step; above 100 the walk is lost.
      shift: of the end.
    """

    steps: int = static(4)
    label: str = static("x")
    size: float = 1.0
    shift: float = 0.0
    columns: ClassVar = {"square": "of the distance, in units of size²", "end": "where it ends"}

    def validate(self) -> None:
        require(self.steps > 0, "steps", self.steps, "at least 1")

    def __call__(self, key):
        TRACES.append(self.steps)
        step = jax.random.normal(key, (self.steps,))
        end = self.size * jnp.sum(step) + self.shift
        return {
            "end": jnp.where(self.size > 100, jnp.nan, end),
            "square": jnp.sum(step) ** 2,
            "path": jnp.cumsum(step),
        }


class Slow(Walk):
    """The same, but a block takes a moment."""

    def __call__(self, key):
        jax.debug.callback(lambda: time.sleep(float(os.environ.get("TOY_SECONDS", "0.02"))))
        return super().__call__(key)

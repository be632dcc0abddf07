"""A function as an attack, for attacks that tests make up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from purifyjax.attacks import Attack


@dataclass(frozen=True)
class Given(Attack):
    """The function `run`, whose arguments are those of an attack."""

    run: Callable
    gradients: bool = True

    @property
    def uses_gradients(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.gradients

    def __call__(self, key, margin, x, y, ball):
        return self.run(key, margin, x, y, ball)

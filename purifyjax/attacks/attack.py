"""What an attack is: a frozen record, hashed by value, that serves evaluation and training alike."""

from __future__ import annotations

import abc
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from purifyjax.balls import Ball
from purifyjax.errors import require
from purifyjax.margins import Margin


class Attacked(NamedTuple):
    """The outcome of an attack.

    Attributes:
      perturbation: δ, the best one found for every point.
      margin: y f(x + δ).
    """

    perturbation: Float[Array, "n dim"]
    margin: Float[Array, " n"]


@dataclass(frozen=True)
class Attack(abc.ABC):
    """Base of all attacks, which lower y f(x + δ) over the ball; a point is broken when its margin is not positive.

    A subclass is a frozen dataclass with its settings as fields. Equal records share compiled programs, whatever they
    are called. Arrays among the fields are frozen, see `purifyjax.frozen`.

    Attributes:
      name: in tables and warnings; the class's own if empty.
      uses_gradients: whether gradients of the margin that is attacked are asked for: a point that only attacks
        without them break shows that gradients are masked.
    """

    name: str = field(default="", kw_only=True, compare=False)
    uses_gradients: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(isinstance(self.name, str), "name of an attack", self.name, "a text")
        if not self.name:
            object.__setattr__(self, "name", type(self).__name__.lower())
        self.validate()

    def validate(self) -> None:  # noqa: B027
        """Raise `ConfigError` for a setting outside its range."""

    @abc.abstractmethod
    def __call__(
        self, key: PRNGKeyArray, margin: Margin, x: Float[Array, "n dim"], y: Float[Array, " n"], ball: Ball
    ) -> Attacked:
        """The best perturbations found."""

    @property
    def starts(self) -> range:
        """Numbers of its starts, which do not know of each other: the attack is the best of them."""
        return range(1)

    @property
    def of_a_start(self) -> Attack:
        """What its starts are starts of: equal for attacks that differ in how many there are."""
        return self

    def from_start(
        self,
        key: PRNGKeyArray,
        margin: Margin,
        x: Float[Array, "n dim"],
        y: Float[Array, " n"],
        ball: Ball,
        number: Int[Array, ""],
    ) -> Attacked:
        """What one start finds; its number may be traced, so that all starts share a program."""
        del number
        return self(key, margin, x, y, ball)

    def perturb(
        self, key: PRNGKeyArray, margin: Margin, x: Float[Array, "n dim"], y: Float[Array, " n"], ball: Ball
    ) -> Float[Array, "n dim"]:
        """The perturbations alone, as training wants them."""
        return self(key, margin, x, y, ball).perturbation


def nowhere(margin: Margin, x: Float[Array, "n dim"], y: Float[Array, " n"]) -> Attacked:
    """No perturbation and an infinite margin, in the precisions of points and margin: any attack finds better."""
    dtype = jax.eval_shape(margin, x, y).dtype
    return Attacked(jnp.zeros_like(x), jnp.full(len(x), jnp.inf, dtype))


def better(a: Attacked, b: Attacked) -> Attacked:
    """Per point, the perturbation with the lower margin; NaN, which no point stands, is better than nowhere."""
    wins = (b.margin < a.margin) | (jnp.isnan(b.margin) & jnp.isposinf(a.margin))
    return Attacked(jnp.where(wins[:, None], b.perturbation, a.perturbation), jnp.where(wins, b.margin, a.margin))

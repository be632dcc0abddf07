"""Perturbations that need no gradient of the net: the universal mixture direction, noise, those of another net."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from purifyjax.attacks.attack import Attack, Attacked, better, nowhere
from purifyjax.attacks.gradient import descend
from purifyjax.attacks.inputs import checked
from purifyjax.balls import Ball
from purifyjax.errors import require, require_count
from purifyjax.frozen import FrozenArray, frozen
from purifyjax.margins import Margin, require_classes, require_signs


def universal(
    direction: Float[Array, " dim"],
    margin: Margin,
    x: Float[Array, "n dim"],
    y: Float[Array, " n"],
    ball: Ball,
) -> Attacked:
    """δ = −y · argmax_{‖δ‖ ≤ τ} ⟨direction, δ⟩; with direction Mw* and ℓ2 this is −y τ Mw*/‖w*‖.

    It knows the distribution, not the network: clean training falls to it, because every neuron
    carries a dense mixture along Mw*.
    """
    checked(margin, x, y, gradients=False)
    _require_length("direction", direction, x)
    require_signs(y)
    # In the points' precision.
    delta = -jnp.asarray(y, x.dtype)[:, None] * ball.steepest(jnp.asarray(direction, x.dtype)[None, :])
    return Attacked(delta, margin(x + delta, y))


def noise(key: PRNGKeyArray, margin: Margin, x: Float[Array, "n dim"], y: Float[Array, " n"], ball: Ball) -> Attacked:
    """One random perturbation of norm τ a point: what an adversary without knowledge achieves."""
    checked(margin, x, y, gradients=False)
    delta = ball.surface(key, x.shape, x.dtype)
    return Attacked(delta, margin(x + delta, y))


@dataclass(frozen=True)
class Noise(Attack):
    """`noise` as an attack."""

    name: str = field(default="noise", kw_only=True, compare=False)
    uses_gradients: ClassVar[bool] = False

    def __call__(self, key, margin, x, y, ball):
        return noise(key, margin, x, y, ball)


@dataclass(frozen=True)
class Along(Attack):
    """`universal` in a fixed direction, as an attack."""

    direction: FrozenArray | Float[Array | np.ndarray, " dim"]
    name: str = field(default="universal", kw_only=True, compare=False)
    uses_gradients: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "direction", frozen(self.direction))
        super().__post_init__()

    def validate(self) -> None:
        direction = frozen(self.direction).array
        usable = direction.ndim == 1 and np.isfinite(direction).all() and direction.any()
        require(usable, "direction", self.direction, "one row of finite numbers, not all 0")

    def __call__(self, key, margin, x, y, ball):
        del key
        return universal(jnp.asarray(frozen(self.direction).array), margin, x, y, ball)


@dataclass(frozen=True)
class _OfClasses(Attack):
    """Attacks that know the classes' features φ_c, and no network."""

    features: FrozenArray | Float[Array | np.ndarray, "class dim"]

    def __post_init__(self) -> None:
        object.__setattr__(self, "features", frozen(self.features))
        super().__post_init__()

    def validate(self) -> None:
        features = frozen(self.features).array
        usable = features.ndim == 2 and len(features) >= 2 and np.isfinite(features).all()
        require(usable, "features", self.features, "a row of finite numbers a class, of at least 2 classes")

    def _features(self, margin: Margin, x: Float[Array, "n dim"], y: Float[Array, " n"]) -> Float[Array, "class dim"]:
        """The features, for points whose labels are these classes."""
        checked(margin, x, y, gradients=False)
        features = jnp.asarray(frozen(self.features).array, x.dtype)
        _require_length("features", features, x)
        require(jnp.issubdtype(y.dtype, jnp.integer), "type of the labels y", str(y.dtype), "whole numbers")
        require_classes(y, len(features))
        return features


@dataclass(frozen=True)
class BetweenClasses(_OfClasses):
    """argmax over the ball of ⟨φ_c − φ_y, δ⟩ for a random other class c: from the own class's feature to another's.

    With the ℓ2 ball of every patch and a feature in every patch that is δ_p = ε (v_c − v_y)/√2.

    Attributes:
      features: φ_c, orthonormal directions.
    """

    name: str = field(default="between-classes", kw_only=True, compare=False)
    uses_gradients: ClassVar[bool] = False

    def __call__(self, key, margin, x, y, ball):
        features = self._features(margin, x, y)
        other = (y + jax.random.randint(key, y.shape, 1, len(features))) % len(features)
        delta = ball.steepest(features[other] - features[y])
        return Attacked(delta, margin(x + delta, y))


@dataclass(frozen=True)
class TowardsClasses(_OfClasses):
    """argmax over the ball of ⟨φ_c, δ⟩, the best of all other classes c: another class's feature injected everywhere.

    It asks for margins only, no gradients, unless steps of PGD from each of these starts are wanted: a network's
    gradient at x need not show that neurons of another class can be woken.

    Attributes:
      features: φ_c.
      steps: of PGD from every start.
    """

    steps: int = 0
    name: str = field(default="towards-classes", kw_only=True, compare=False)

    @property
    def uses_gradients(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.steps > 0

    def validate(self) -> None:
        super().validate()
        require_count("steps of TowardsClasses", self.steps, 0)

    def __call__(self, key, margin, x, y, ball):
        del key
        features = self._features(margin, x, y)

        def inject(best, shift):
            delta = ball.steepest(features[(y + shift) % len(features)])
            start = Attacked(delta, margin(x + delta, y))
            return better(best, start if self.steps == 0 else descend(margin, x, y, ball, start, self.steps)), None

        return jax.lax.scan(inject, nowhere(margin, x, y), jnp.arange(1, len(features)))[0]


@dataclass(frozen=True)
class Transferred(Attack):
    """The attack on another margin, judged on this one: perturbations found on one net, tried on another.

    It uses no gradient of the target.

    Attributes:
      source: the other margin, hashed by value where equal attacks are to share a program: see `margins.FixedMargin`.
      attack: on it.
    """

    source: Margin
    attack: Attack
    name: str = field(default="transferred", kw_only=True, compare=False)
    uses_gradients: ClassVar[bool] = False

    def __call__(self, key, margin, x, y, ball):
        checked(margin, x, y, gradients=False)
        delta = self.attack.perturb(key, self.source, x, y, ball)
        return Attacked(delta, margin(x + delta, y))


def _require_length(name: str, directions: Float[Array, "*s dim"], x: Float[Array, "n dim"]) -> None:
    """Raise `ConfigError` unless directions have as many entries as points."""
    mine, theirs = directions.shape[-1], x.shape[1]
    require(mine == theirs, f"length of {name}", mine, f"{theirs}, as many entries as a point has")

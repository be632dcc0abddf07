"""Margins y f(x), positive where the prediction is right, and their gradients in x."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from purifyjax.balls import require_rows
from purifyjax.errors import ConfigError, concrete, require
from purifyjax.frozen import FrozenTree

Params = Any
Margin = Callable[[Float[Array, "n dim"], Float[Array, " n"]], Float[Array, " n"]]
MarginOf = Callable[[Params], Margin]


@dataclass(frozen=True)
class FixedMargin:
    """The margin of one net, hashed by the value of its parameters: a source of transferred perturbations.

    Attributes:
      margin_of: params -> margin function.
      params: of the net.
    """

    margin_of: MarginOf
    params: Any

    def __post_init__(self) -> None:
        if not isinstance(self.params, FrozenTree):
            object.__setattr__(self, "params", FrozenTree(self.params))

    def __call__(self, x: Float[Array, "n dim"], y: Float[Array, " n"]) -> Float[Array, " n"]:
        return self.margin_of(self.params.tree)(x, y)


def descent(margin: Margin, x: Float[Array, "n dim"], y: Float[Array, " n"]) -> Float[Array, "n dim"]:
    """−∇_x [y f(x)], one row a point; see `margin_and_descent`."""
    return margin_and_descent(margin, x, y)[1]


def margin_and_descent(
    margin: Margin, x: Float[Array, "n dim"], y: Float[Array, " n"]
) -> tuple[Float[Array, " n"], Float[Array, "n dim"]]:
    """y f(x) and −∇_x [y f(x)] from one forward and one backward pass.

    A coordinate without a finite derivative counts as one of slope 0, so that a descent follows the others.
    """
    value, gradient = margin_and_gradient(margin, x, y)
    return value, jnp.where(jnp.isfinite(gradient), -gradient, 0.0)


def margin_and_gradient(
    margin: Margin, x: Float[Array, "n dim"], y: Float[Array, " n"]
) -> tuple[Float[Array, " n"], Float[Array, "n dim"]]:
    """y f(x) and ∇_x [y f(x)] as it is, finite or not."""

    def total(inputs):
        value = margin(inputs, y)
        require_one_a_point(value, y)
        return jnp.sum(value), value

    (_, value), gradient = jax.value_and_grad(total, has_aux=True)(x)
    return value, gradient


def flat(gradient: Float[Array, "n dim"]) -> Bool[Array, " n"]:
    """Where a gradient is exactly zero."""
    return jnp.all(gradient == 0, axis=-1)


def unknown(gradient: Float[Array, "n dim"]) -> Bool[Array, " n"]:
    """Where a gradient is not finite in some coordinate."""
    return ~jnp.all(jnp.isfinite(gradient), axis=-1)


def blind(margin: Margin, x: Float[Array, "n dim"], y: Float[Array, " n"]) -> Bool[Array, " n"]:
    """Where a gradient attack starts blind: the gradient is exactly zero, or not finite in some coordinate."""
    gradient = margin_and_gradient(margin, x, y)[1]
    return flat(gradient) | unknown(gradient)


def require_points(x: Any, y: Any) -> None:
    """Raise `ConfigError` unless x is rows of finite numbers [n, dim] with dim ≥ 1, and y has a label for each, [n]."""
    for name, values in (("x", x), ("y", y)):
        require(hasattr(values, "dtype"), name, values, "an array")
    shape, labels = np.shape(x), np.shape(y)
    require_rows("x", shape)
    if labels != shape[:1]:
        raise ConfigError(f"y of shape {labels} is not allowed: one label a point, {shape[:1]}")
    for name, values, kinds in (("x", x, (jnp.floating,)), ("y", y, (jnp.floating, jnp.integer))):
        if not any(jnp.issubdtype(values.dtype, kind) for kind in kinds):
            allowed = " or ".join(kind.__name__ for kind in kinds)
            raise ConfigError(f"{name} of type {values.dtype} is not allowed: {allowed} numbers")
    require_finite(x)


def require_finite(x: Any) -> None:
    """Raise `ConfigError` unless all entries of points are finite (concrete values only)."""
    points = concrete(x)
    require(points is None or np.isfinite(points).all(), "x", points, "finite numbers")


def require_one_a_point(value: Any, y: Any) -> None:
    """Raise `ConfigError` unless a margin has one real number a point."""
    kind = getattr(value, "dtype", type(value).__name__)
    real = hasattr(value, "dtype") and jnp.issubdtype(value.dtype, jnp.floating)
    require(real, "type of the margin", str(kind), "floating numbers, one a point")
    if np.shape(value) != np.shape(y):
        raise ConfigError(f"a margin of shape {np.shape(value)} is not allowed: one number a point, {np.shape(y)}")


def require_standing(standing: Any, y: Any) -> None:
    """Raise `ConfigError` unless it is None, or true or false for every label."""
    if standing is not None:
        fits = np.asarray(standing).dtype == bool and np.shape(standing) == np.shape(y)
        require(fits, "standing", standing, f"True or False for every point, {np.shape(y)}")


def require_signs(y: Any) -> None:
    """Raise `ConfigError` unless all labels are −1 or 1 (concrete values only)."""
    labels = concrete(y)
    if labels is not None:
        wrong = labels[~np.isin(labels, (-1, 1))]
        require(wrong.size == 0, "label y", wrong[0] if wrong.size else None, "-1 or 1")


def require_classes(y: Any, classes: int) -> None:
    """Raise `ConfigError` unless all labels are among so many classes (concrete values only)."""
    labels = concrete(y)
    known = labels is None or bool(np.all((labels >= 0) & (labels < classes)))
    require(known, "label y", labels, f"a class from 0 to {classes - 1}")


def require_labels(y: Any, value: Any, of: Callable[[Any], Any]) -> None:
    """Raise `ConfigError` if labels cannot be what the margin takes them for (concrete values only).

    A margin y f(x) wants y = ±1: labels 0 make it exactly 0, a point that counts as broken, and labels 1 and 2 are one
    class. Margins of classes have such labels too; theirs is not 0 at every point of label 0, nor twice as large for
    twice the label.

    Args:
      value: the margins at the points.
      of: labels -> the margins that the points would have with them.
    """
    labels, margins = concrete(y), concrete(value)
    if labels is None or margins is None:
        return
    require(np.isfinite(labels).all(), "label y", labels[~np.isfinite(labels)][:1], "a finite number")
    zero = labels == 0
    told = np.issubdtype(labels.dtype, np.floating) or bool(np.any(margins[~zero] != 0))
    silent = bool(zero.any()) and bool(np.all(margins[zero] == 0)) and told
    require(not silent, "label y", 0, "-1 or 1 for margins y f(x), which are exactly 0 at every point of this label")
    other = labels[np.abs(labels) != 1]
    if other.size and np.any(margins != 0):
        twice = concrete(of(2 * y))
        linear = twice is not None and np.array_equal(twice, 2 * margins)
        require(not linear, "label y", other[0], "-1 or 1 for margins y f(x), and this one is linear in y")


def class_margin(logits: Float[Array, "n class"], y: Int[Array, " n"]) -> Float[Array, " n"]:
    """F_y − max_{c ≠ y} F_c: positive where the prediction is right."""
    own = jax.nn.one_hot(y, logits.shape[-1], dtype=bool)
    right = jnp.sum(jnp.where(own, logits, 0.0), axis=-1)
    return right - jnp.max(jnp.where(own, -jnp.inf, logits), axis=-1)

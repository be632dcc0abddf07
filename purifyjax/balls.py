"""Norm balls {δ : ‖δ‖ ≤ τ} for ℓ1, ℓ2 and ℓ∞, and products of them, batched over points.

Radii and rows have no scale of their own: what is computed is right to float32's rounding for radii up to 1e30, and
rows whose entries are normal floats (from 1e-38 on; smaller ones are 0 to XLA) and at most 1e38 times the radius.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import struct
from jaxtyping import Array, DTypeLike, Float, PRNGKeyArray

from purifyjax.errors import ConfigError, require, require_count, require_real
from purifyjax.norms import in_units
from purifyjax.norms import norm as norm_of

Norm = Literal["l1", "l2", "linf"]
DUAL_ORDER: dict[Norm, float] = {"l1": jnp.inf, "l2": 2, "linf": 1}
ORDER: dict[Norm, float] = {"l1": 1, "l2": 2, "linf": jnp.inf}
LARGEST_RADIUS = 1e30  # beyond, float32 has no room for steps and margins


def require_norm(field: str, value: Any) -> None:
    """Raise `ConfigError` for anything but "l1", "l2" and "linf"."""
    require(isinstance(value, str) and value in get_args(Norm), field, value, "one of l1, l2, linf")


def require_radius(field: str, value: Any) -> None:
    """Raise `ConfigError` for a radius that is negative, not finite or out of float32's reach (concrete values)."""
    require_real(field, value, f"τ ≥ 0, at most {LARGEST_RADIUS:g}", lambda r: (r >= 0) & (r <= LARGEST_RADIUS))


def require_ball(value: Any) -> None:
    """Raise `ConfigError` for anything but a ball of one radius."""
    require(isinstance(value, Ball), "ball", value, "a Ball")
    require(np.ndim(value.radius) == 0, "radius τ", value.radius, "one number")


def require_rows(name: str, shape: tuple[int, ...]) -> None:
    """Raise `ConfigError` for the shape of anything but rows: the ball of an image is that of its row."""
    if len(shape) != 2 or shape[1] == 0:
        raise ConfigError(f"{name} of shape {shape} is not allowed: rows [n, dim], reshape(n, -1) makes them")


class Ball(struct.PyTreeNode):
    """The ball of a norm, or one such ball for every patch of an input: {δ : ‖δ_p‖ ≤ τ for every part p}.

    What is known when it is made is checked then, see `validate`.

    Attributes:
      radius: τ ≥ 0 (traced).
      norm: "l1", "l2" or "linf" (static).
      parts: into how many equal, consecutive parts a row falls, each with a ball of its own (static).
    """

    radius: float | Float[Array, ""]
    norm: Norm = struct.field(pytree_node=False, default="l2")
    parts: int = struct.field(pytree_node=False, default=1)

    def __post_init__(self) -> None:
        self.validate()

    def validate(self) -> None:
        """Raise `ConfigError` for an unknown norm, no part, or a radius that is none (concrete values only)."""
        require_norm("norm", self.norm)
        require_count("parts of the ball", self.parts)
        if self.radius is not None:  # a leaf that a pytree was mapped to
            require_radius("radius τ", self.radius)

    def split(self, rows: Float[Array, "n dim"]) -> Float[Array, "n*parts dim/parts"]:
        """Every part of every row as a row of its own; `join` undoes it."""
        require_rows("points", rows.shape)
        width = rows.shape[1]
        require(width % self.parts == 0, "parts of the ball", self.parts, f"a divisor of the inputs' width {width}")
        return rows if self.parts == 1 else rows.reshape(-1, width // self.parts)

    def join(self, parts: Float[Array, "n*parts dim/parts"]) -> Float[Array, "n dim"]:
        """Rows from their parts."""
        return parts if self.parts == 1 else parts.reshape(-1, parts.shape[-1] * self.parts)

    def size(self, delta: Float[Array, "n dim"]) -> Float[Array, " n"]:
        """‖δ‖ of every row, its largest part's."""
        sizes = norm_of(self.split(delta), ORDER[self.norm])
        return jnp.max(sizes.reshape(-1, self.parts), axis=-1)

    def dual_size(self, gradient: Float[Array, "n dim"]) -> Float[Array, " n"]:
        """max of ⟨g, δ⟩ over the ball of radius 1: Σ_p ‖g_p‖_*."""
        sizes = norm_of(self.split(gradient), DUAL_ORDER[self.norm])
        return jnp.sum(sizes.reshape(-1, self.parts), axis=-1)

    def project(self, delta: Float[Array, "n dim"]) -> Float[Array, "n dim"]:
        """Euclidean projection of every row onto the ball."""
        rows, radius = self.split(delta), self._radius(delta.dtype)
        if self.norm == "linf":
            return self.join(jnp.clip(rows, -radius, radius))
        if self.norm == "l1":
            # optax's projection divides by the ball's size: a zero radius is its own case.
            safe = jnp.where(radius > 0, radius, 1.0)
            # In JAX's own precision, the only one that it takes.
            inside = jax.vmap(lambda row: optax.projections.projection_l1_ball(row, safe.astype(float)))(
                rows.astype(float)
            )
            return self.join(jnp.where(radius > 0, inside.astype(rows.dtype), 0.0))
        # In units of the row, so that no factor leaves the range of floats.
        scaled, unit = in_units(rows)
        size = jnp.linalg.norm(scaled, axis=-1, keepdims=True)
        outside = unit * size > radius
        return self.join(jnp.where(outside, scaled * (radius / jnp.where(outside, size, 1.0)), rows))

    def steepest(self, gradient: Float[Array, "n dim"]) -> Float[Array, "n dim"]:
        """argmax over the ball of ⟨g, δ⟩: τ g/‖g‖ (ℓ2), τ sign g (ℓ∞), τ sign(g_j) e_j at the largest |g_j| (ℓ1).

        Every part takes its own step. A zero gradient gives a zero step.
        """
        rows, radius = self.split(gradient), self._radius(gradient.dtype)
        if self.norm == "linf":
            return self.join(radius * jnp.sign(rows))
        if self.norm == "l1":
            top = jnp.argmax(jnp.abs(rows), axis=-1)
            one_hot = jax.nn.one_hot(top, rows.shape[-1], dtype=rows.dtype)
            return self.join(radius * jnp.sign(rows) * one_hot)
        # Scaled first: squares of tiny gradients underflow, and the step would leave the ball.
        top = jnp.max(jnp.abs(rows), axis=-1, keepdims=True)
        scaled = rows / jnp.where(top > 0, top, 1.0)
        return self.join(radius * scaled / jnp.maximum(jnp.linalg.norm(scaled, axis=-1, keepdims=True), 1.0))

    def surface(self, key: PRNGKeyArray, shape: tuple[int, ...], dtype: DTypeLike = float) -> Float[Array, "n dim"]:
        """Random points of norm τ: uniform on the sphere (ℓ2), a random corner (ℓ∞), Laplace rays (ℓ1)."""
        require_rows("points", shape)
        radius = self._radius(dtype)
        if self.norm == "l1":
            ray = self.split(jax.random.laplace(key, shape, dtype))
            return self.join(radius * ray / jnp.sum(jnp.abs(ray), axis=-1, keepdims=True))
        if self.norm == "l2":
            return self.steepest(jax.random.normal(key, shape, dtype))
        return radius * signs(key, shape, dtype)

    def interior(self, key: PRNGKeyArray, shape: tuple[int, ...], dtype: DTypeLike = float) -> Float[Array, "n dim"]:
        """Random points of the ball, for restarts: `surface` scaled by U(0, 1) a row."""
        key_surface, key_scale = jax.random.split(key)
        return self.surface(key_surface, shape, dtype) * jax.random.uniform(key_scale, (shape[0], 1), dtype)

    def _radius(self, dtype: DTypeLike) -> Float[Array, ""]:
        """τ in the precision of the rows, which it must not change."""
        require_ball(self)
        return jnp.asarray(self.radius, dtype)


def signs(key: PRNGKeyArray, shape: tuple[int, ...], dtype: DTypeLike = float) -> Float[Array, "n dim"]:
    """±1 with probability ½ each: `jax.random.rademacher`, the same ones whatever JAX's own precision is."""
    return 2.0 * jax.random.bernoulli(key, jnp.float32(0.5), shape).astype(dtype) - 1.0

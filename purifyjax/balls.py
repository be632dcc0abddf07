"""Norm balls {δ : ‖δ‖ ≤ τ} for ℓ1, ℓ2 and ℓ∞, and products of them, batched over points."""

from __future__ import annotations

from typing import Literal, get_args

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Float, PRNGKeyArray

from purifyjax.errors import require

Norm = Literal["l1", "l2", "linf"]
DUAL_ORDER: dict[Norm, float] = {"l1": jnp.inf, "l2": 2, "linf": 1}
ORDER: dict[Norm, float] = {"l1": 1, "l2": 2, "linf": jnp.inf}
_TINY = 1e-30


class Ball(struct.PyTreeNode):
    """The ball of a norm, or one such ball for every patch of an input: {δ : ‖δ_p‖ ≤ τ for every part p}.

    Attributes:
      radius: τ ≥ 0 (traced).
      norm: "l1", "l2" or "linf" (static).
      parts: into how many equal, consecutive parts a row falls, each with a ball of its own (static).
    """

    radius: float | Float[Array, ""]
    norm: Norm = struct.field(pytree_node=False, default="l2")
    parts: int = struct.field(pytree_node=False, default=1)

    def validate(self) -> None:
        """Raise `ConfigError` for an unknown norm, a negative radius (concrete values only) or no part."""
        require(self.norm in get_args(Norm), "norm", self.norm, "one of l1, l2, linf")
        require(self.radius >= 0, "radius τ", self.radius, "τ ≥ 0")
        require(self.parts >= 1, "parts of the ball", self.parts, "at least 1")

    def split(self, rows: Float[Array, "n dim"]) -> Float[Array, "n*parts dim/parts"]:
        """Every part of every row as a row of its own; `join` undoes it."""
        width = rows.shape[-1]
        require(width % self.parts == 0, "parts of the ball", self.parts, f"a divisor of the inputs' width {width}")
        return rows if self.parts == 1 else rows.reshape(-1, width // self.parts)

    def join(self, parts: Float[Array, "n*parts dim/parts"]) -> Float[Array, "n dim"]:
        """Rows from their parts."""
        return parts if self.parts == 1 else parts.reshape(-1, parts.shape[-1] * self.parts)

    def size(self, delta: Float[Array, "n dim"]) -> Float[Array, " n"]:
        """‖δ‖ of every row, its largest part's."""
        sizes = jnp.linalg.norm(self.split(delta), ord=ORDER[self.norm], axis=-1)
        return jnp.max(sizes.reshape(-1, self.parts), axis=-1)

    def dual_size(self, gradient: Float[Array, "n dim"]) -> Float[Array, " n"]:
        """max of ⟨g, δ⟩ over the ball of radius 1: Σ_p ‖g_p‖_*."""
        sizes = jnp.linalg.norm(self.split(gradient), ord=DUAL_ORDER[self.norm], axis=-1)
        return jnp.sum(sizes.reshape(-1, self.parts), axis=-1)

    def project(self, delta: Float[Array, "n dim"]) -> Float[Array, "n dim"]:
        """Euclidean projection of every row onto the ball."""
        if self.norm == "linf":
            return jnp.clip(delta, -self.radius, self.radius)
        rows = self.split(delta)
        if self.norm == "l1":
            # optax's projection divides by the ball's size: a zero radius is its own case.
            safe = jnp.maximum(self.radius, _TINY)
            inside = jax.vmap(lambda row: optax.projections.projection_l1_ball(row, safe))(rows)
            return self.join(jnp.where(self.radius > 0, inside, 0.0))
        size = jnp.linalg.norm(rows, axis=-1, keepdims=True)
        return self.join(rows * jnp.minimum(1.0, self.radius / jnp.maximum(size, _TINY)))

    def steepest(self, gradient: Float[Array, "n dim"]) -> Float[Array, "n dim"]:
        """argmax over the ball of ⟨g, δ⟩: τ g/‖g‖ (ℓ2), τ sign g (ℓ∞), τ sign(g_j) e_j at the largest |g_j| (ℓ1).

        Every part takes its own step. A zero gradient gives a zero step.
        """
        if self.norm == "linf":
            return self.radius * jnp.sign(gradient)
        rows = self.split(gradient)
        if self.norm == "l1":
            top = jnp.argmax(jnp.abs(rows), axis=-1)
            one_hot = jax.nn.one_hot(top, rows.shape[-1], dtype=rows.dtype)
            return self.join(self.radius * jnp.sign(rows) * one_hot)
        # Scaled first: squares of tiny gradients underflow, and the step would leave the ball.
        top = jnp.max(jnp.abs(rows), axis=-1, keepdims=True)
        scaled = rows / jnp.where(top > 0, top, 1.0)
        return self.join(self.radius * scaled / jnp.maximum(jnp.linalg.norm(scaled, axis=-1, keepdims=True), 1.0))

    def surface(self, key: PRNGKeyArray, shape: tuple[int, ...]) -> Float[Array, "n dim"]:
        """Random points of norm τ: uniform on the sphere (ℓ2), a random corner (ℓ∞), Laplace rays (ℓ1)."""
        if self.norm == "l1":
            ray = self.split(jax.random.laplace(key, shape))
            return self.join(self.radius * ray / jnp.sum(jnp.abs(ray), axis=-1, keepdims=True))
        if self.norm == "l2":
            return self.steepest(jax.random.normal(key, shape))
        return self.radius * jax.random.rademacher(key, shape, jnp.float32)

    def interior(self, key: PRNGKeyArray, shape: tuple[int, ...]) -> Float[Array, "n dim"]:
        """Random points of the ball, for restarts: `surface` scaled by U(0, 1) a row."""
        key_surface, key_scale = jax.random.split(key)
        return self.surface(key_surface, shape) * jax.random.uniform(key_scale, (shape[0], 1))

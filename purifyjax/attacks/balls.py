"""Norm balls {δ : ‖δ‖ ≤ τ} for ℓ1, ℓ2 and ℓ∞, batched over points."""

from __future__ import annotations

from typing import Literal, get_args

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Float, PRNGKeyArray

from purifyjax.errors import require

Norm = Literal["l1", "l2", "linf"]
_TINY = 1e-30


class Ball(struct.PyTreeNode):
    """The ball of a norm.

    Attributes:
      radius: τ ≥ 0 (traced).
      norm: "l1", "l2" or "linf" (static).
    """

    radius: float | Float[Array, ""]
    norm: Norm = struct.field(pytree_node=False, default="l2")

    def validate(self) -> None:
        """Raise `ConfigError` for an unknown norm or a negative radius (concrete values only)."""
        require(self.norm in get_args(Norm), "norm", self.norm, "one of l1, l2, linf")
        require(self.radius >= 0, "radius τ", self.radius, "τ ≥ 0")

    def size(self, delta: Float[Array, "n dim"]) -> Float[Array, " n"]:
        """‖δ‖ of every row."""
        order = {"l1": 1, "l2": 2, "linf": jnp.inf}[self.norm]
        return jnp.linalg.norm(delta, ord=order, axis=-1)

    def project(self, delta: Float[Array, "n dim"]) -> Float[Array, "n dim"]:
        """Euclidean projection of every row onto the ball."""
        if self.norm == "l1":
            # optax's projection divides by the ball's size: a zero radius is its own case.
            safe = jnp.maximum(self.radius, _TINY)
            inside = jax.vmap(lambda row: optax.projections.projection_l1_ball(row, safe))(delta)
            return jnp.where(self.radius > 0, inside, 0.0)
        if self.norm == "l2":
            size = jnp.linalg.norm(delta, axis=-1, keepdims=True)
            return delta * jnp.minimum(1.0, self.radius / jnp.maximum(size, _TINY))
        return jnp.clip(delta, -self.radius, self.radius)

    def steepest(self, gradient: Float[Array, "n dim"]) -> Float[Array, "n dim"]:
        """argmax over the ball of ⟨g, δ⟩: τ g/‖g‖ (ℓ2), τ sign g (ℓ∞), τ sign(g_j) e_j at the largest |g_j| (ℓ1).

        A zero gradient gives a zero step.
        """
        if self.norm == "l1":
            top = jnp.argmax(jnp.abs(gradient), axis=-1)
            one_hot = jax.nn.one_hot(top, gradient.shape[-1], dtype=gradient.dtype)
            return self.radius * jnp.sign(gradient) * one_hot
        if self.norm == "l2":
            # Scaled first: squares of tiny gradients underflow, and the step would leave the ball.
            top = jnp.max(jnp.abs(gradient), axis=-1, keepdims=True)
            scaled = gradient / jnp.where(top > 0, top, 1.0)
            return self.radius * scaled / jnp.maximum(jnp.linalg.norm(scaled, axis=-1, keepdims=True), 1.0)
        return self.radius * jnp.sign(gradient)

    def surface(self, key: PRNGKeyArray, shape: tuple[int, ...]) -> Float[Array, "n dim"]:
        """Random points of norm τ: uniform on the sphere (ℓ2), a random corner (ℓ∞), Laplace rays (ℓ1)."""
        if self.norm == "l1":
            ray = jax.random.laplace(key, shape)
            return self.radius * ray / jnp.sum(jnp.abs(ray), axis=-1, keepdims=True)
        if self.norm == "l2":
            return self.steepest(jax.random.normal(key, shape))
        return self.radius * jax.random.rademacher(key, shape, jnp.float32)

    def interior(self, key: PRNGKeyArray, shape: tuple[int, ...]) -> Float[Array, "n dim"]:
        """Random points of the ball, for restarts: `surface` scaled by U(0, 1) a row."""
        key_surface, key_scale = jax.random.split(key)
        return self.surface(key_surface, shape) * jax.random.uniform(key_scale, (shape[0], 1))

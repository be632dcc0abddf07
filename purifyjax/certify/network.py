"""What the bounds need to know of a symmetric ReLU net, prepared once."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from purifyjax.balls import DUAL_ORDER, Ball, Norm
from purifyjax.errors import ConfigError

_TINY = 1e-30


class Network(NamedTuple):
    """A symmetric ReLU net with its curvature budget.

    Attributes:
      weight, threshold: w_i and b_i.
      budget: a_i > 0 with Σ_i a_i w_i w_iᵀ ⪯ B = I + (s − 1) v vᵀ.
      axis: v, the unit vector along which the neurons share the most curvature.
      stretch: s ≥ 1.
      reach: ‖w_i‖_*, in the norm dual to the ball's.
      axis_reach: ‖v‖_*.
    """

    weight: Float[Array, "neuron dim"]
    threshold: Float[Array, " neuron"]
    budget: Float[Array, " neuron"]
    axis: Float[Array, " dim"]
    stretch: Float[Array, ""]
    reach: Float[Array, " neuron"]
    axis_reach: Float[Array, ""]


def prepare(weight: np.ndarray, threshold: np.ndarray, norm: Norm) -> Network:
    """Budget, axis and reaches of one net, in float64 on the host.

    a_i ∝ 1/√(|b_i| ‖w_i‖) lets every neuron's floor (see `quadratic`) lie near its own threshold; v is the top
    eigenvector of Σ a_i w_i w_iᵀ and s brings its eigenvalue down to the second. On a purified net v is what is
    left of the dense mixture. The scale is an eigenvalue, rounded up by 1e-9 for the solver's error.

    Raises:
      ConfigError: weights or thresholds that are not finite.
    """
    w, b = np.asarray(weight, np.float64), np.asarray(threshold, np.float64)
    if not (np.isfinite(w).all() and np.isfinite(b).all()):
        raise ConfigError("a net with weights that are not finite has no certificate: its training diverged")
    size = np.maximum(np.linalg.norm(w, axis=1), _TINY)
    budget = 1.0 / np.sqrt(size * np.maximum(np.abs(b), 0.01 * size))
    values, vectors = np.linalg.eigh((w * budget[:, None]).T @ w)
    axis = vectors[:, -1]
    second = values[-2] if len(values) > 1 else 0.0
    stretch = np.clip(values[-1] / max(second, _TINY), 1.0, 100.0)
    bent = bend(w, axis, stretch)
    top = np.linalg.eigvalsh((bent * budget[:, None]).T @ bent)[-1]
    budget = budget / (max(top, _TINY) * (1.0 + 1e-9))
    order = DUAL_ORDER[norm]
    reach = np.linalg.norm(w, ord=order, axis=1)
    return Network(w, b, budget, axis, np.float64(stretch), reach, np.linalg.norm(axis, ord=order))  # pyright: ignore[reportArgumentType]


def bend(weight, axis, stretch):
    """w_i B^{-1/2}: the coordinates in which B = I + (s − 1) v vᵀ is the identity."""
    return weight - (weight @ axis)[:, None] * axis[None, :] * (1.0 - 1.0 / stretch**0.5)


def dual_norm(ball: Ball, g: Float[Array, "n dim"]) -> Float[Array, " n"]:
    """‖g‖_* = max of ⟨g, δ⟩ over ‖δ‖ ≤ 1."""
    return jnp.linalg.norm(g, ord=DUAL_ORDER[ball.norm], axis=-1)


def margin(net: Network, x: Float[Array, "n dim"]) -> Float[Array, " n"]:
    """f(x), the margin in the frame of the label."""
    return total(net, x @ net.weight.T)


def total(net: Network, p: Float[Array, "n neuron"]) -> Float[Array, " n"]:
    """Σ_i ReLU(p_i − b_i) − ReLU(−p_i − b_i)."""
    b = net.threshold[None, :]
    return jnp.sum(jnp.maximum(p - b, 0.0) - jnp.maximum(-p - b, 0.0), axis=-1)

"""What the bounds need to know of a symmetric ReLU net, prepared once."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from purifyjax.balls import DUAL_ORDER, Ball, Norm, require_norm
from purifyjax.errors import ConfigError, require
from purifyjax.norms import norm as norm_of
from purifyjax.settings import real_array

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
      ConfigError: an unknown norm, weights that are not a row a neuron, or weights or thresholds that are not finite.
    """
    require_norm("norm", norm)
    w, b = real_array("weight", weight), real_array("threshold", threshold)
    if w.ndim != 2 or 0 in w.shape or b.shape != w.shape[:1]:
        told = f"weights of shape {w.shape} with thresholds of shape {b.shape}"
        raise ConfigError(f"{told} are not allowed: [neuron, dim] and [neuron]")
    if not (np.isfinite(w).all() and np.isfinite(b).all()):
        raise ConfigError("a net with weights that are not finite has no certificate: its training diverged")
    # In units of the largest weight: nets have no scale of their own.
    unit = power_of_two_above(np.abs(w).max())
    w, b = w / unit, b / unit
    size = np.maximum(np.linalg.norm(w, axis=1), _TINY)
    share = np.abs(b) / size  # how far the plane where a neuron wakes lies from 0
    budget = 1.0 / (size * np.sqrt(np.maximum(share, 0.01 * (share.max() or 1.0))))
    values, vectors = np.linalg.eigh((w * budget[:, None]).T @ w)
    axis = vectors[:, -1]
    second = values[-2] if len(values) > 1 else 0.0
    stretch = np.clip(values[-1] / max(second, _TINY), 1.0, 100.0)
    bent = bend(w, axis, stretch)
    top = np.linalg.eigvalsh((bent * budget[:, None]).T @ bent)[-1]
    # Without weights any budget will do.
    budget = budget / (top * (1.0 + 1e-9)) if top > 0 else np.ones_like(budget)
    order = DUAL_ORDER[norm]
    reach = np.linalg.norm(w, ord=order, axis=1)
    net = Network(w, b, budget, axis, np.float64(stretch), reach, np.linalg.norm(axis, ord=order))  # pyright: ignore[reportArgumentType]
    return scaled(net, unit)


def scaled(net: Network, weight: float, threshold: float | None = None) -> Network:
    """The net with weights so many times as large, and thresholds (as many, if not said otherwise)."""
    return net._replace(
        weight=net.weight * weight,
        threshold=net.threshold * (weight if threshold is None else threshold),
        budget=net.budget / weight / weight,
        reach=net.reach * weight,
    )


def power_of_two_above(size: float) -> float:
    """The least power of two above a size, 1 for 0: dividing by it loses no bit."""
    return float(np.ldexp(1.0, int(np.frexp(size)[1]))) if size > 0 else 1.0


def bend(weight, axis, stretch):
    """w_i B^{-1/2}: the coordinates in which B = I + (s − 1) v vᵀ is the identity."""
    return weight - (weight @ axis)[:, None] * axis[None, :] * (1.0 - 1.0 / stretch**0.5)


def dual_norm(ball: Ball, g: Float[Array, "n dim"]) -> Float[Array, " n"]:
    """‖g‖_* = max of ⟨g, δ⟩ over ‖δ‖ ≤ 1."""
    return norm_of(g, DUAL_ORDER[ball.norm])


def require_prepared(net: Network, ball: Ball) -> None:
    """Raise `ConfigError` unless it is a net prepared for the ball's norm."""
    require(isinstance(net, Network), "net", net, "one of prepare")
    reach = np.linalg.norm(np.asarray(net.weight, np.float64), ord=DUAL_ORDER[ball.norm], axis=1)
    require(np.allclose(net.reach, reach, rtol=1e-4, atol=0), "norm of the ball", ball.norm, "the net's, see prepare")


def reach_of(net: Network, ball: Ball) -> Float[Array, " neuron"]:
    """‖w_i‖_* of this very ball, whatever the norm that the net was prepared for."""
    require(ball.parts == 1, "parts of the ball", ball.parts, "1: the net takes whole inputs")
    return dual_norm(ball, net.weight)


def rounding(net: Network, x: Float[Array, "n dim"], ball: Ball) -> Float[Array, " n"]:
    """More than the error of a margin, or of a linear bound of it, that is computed in the precision of its inputs.

    Products of d terms are off by at most d ε ‖w_i‖‖x‖, sums of m neurons by m ε of their sizes, which are at most
    ‖w_i‖‖x‖ + |b_i| + τ‖w_i‖_*; slopes are at most 2.

    Source: Higham, Accuracy and Stability of Numerical Algorithms, section 3.
    """
    neurons, dimension = net.weight.shape
    product = norm_of(x, 2) * jnp.sum(norm_of(net.weight, 2))
    sizes = product + jnp.sum(jnp.abs(net.threshold) + ball.radius * reach_of(net, ball))
    return 2.0 * (neurons + dimension + 16) * jnp.finfo(jnp.asarray(x).dtype).eps * sizes


def margin(net: Network, x: Float[Array, "n dim"]) -> Float[Array, " n"]:
    """f(x), the margin in the frame of the label."""
    return total(net, x @ net.weight.T)


def total(net: Network, p: Float[Array, "n neuron"]) -> Float[Array, " n"]:
    """Σ_i ReLU(p_i − b_i) − ReLU(−p_i − b_i)."""
    b = net.threshold[None, :]
    return jnp.sum(jnp.maximum(p - b, 0.0) - jnp.maximum(-p - b, 0.0), axis=-1)

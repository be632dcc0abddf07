"""Cheap bounds of the least margin over a ball: Lipschitz, interval and linear relaxation (CROWN).

All take x in the frame of its label (y x), a `Network` and a ball of one part; ‖·‖_* is the dual norm. They
are lower bounds whatever the precision of the inputs: an upper bound of the rounding error is taken away, and what is
no number on the way gives −∞.
They let every silent neuron wake at full strength, although one budget ‖δ‖ must feed them all: on wide nets
the quadratic relaxation is far tighter. For a net that is linear on the ball CROWN is exact.
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from purifyjax.balls import Ball
from purifyjax.certify.network import Network, dual_norm, margin, reach_of, rounding, total


def lipschitz(net: Network, x: Float[Array, "n dim"], ball: Ball) -> Float[Array, " n"]:
    """f(x) − τ Σ_i κ_i ‖w_i‖_*, with κ_i the steepest slope of neuron i's pair: 1 if b_i ≥ 0, else 2."""
    slope = jnp.where(net.threshold >= 0, 1.0, 2.0)
    return _sound(margin(net, x) - ball.radius * jnp.sum(slope * reach_of(net, ball)), net, x, ball)


def interval(net: Network, x: Float[Array, "n dim"], ball: Ball) -> Float[Array, " n"]:
    """Σ_i φ_i(⟨w_i, x⟩ − τ‖w_i‖_*), φ_i(p) = ReLU(p − b_i) − ReLU(−p − b_i): every neuron at its own worst."""
    return _sound(total(net, x @ net.weight.T - ball.radius * reach_of(net, ball)[None, :]), net, x, ball)


def crown(net: Network, x: Float[Array, "n dim"], ball: Ball) -> Float[Array, " n"]:
    """The linear relaxation: ReLU replaced by lines that bound it over its interval [l, u].

    ReLU(t⁺) ≥ θ t⁺ with θ = 1{u > −l}, and ReLU(t⁻) ≤ max(u, 0)/(u − l)·(t⁻ − l) where l < 0 < u (t⁻ itself
    or 0 elsewhere); the sum is linear in δ, and its least value is constant − τ‖gradient‖_*.

    Source: Zhang et al., CROWN (arXiv 1811.00866).
    """
    p = x @ net.weight.T
    reach = ball.radius * reach_of(net, ball)[None, :]
    b = net.threshold[None, :]
    up, down = p - b, -p - b
    theta = jnp.where(up > 0, 1.0, 0.0)
    low, high = down - reach, down + reach
    unstable = (low < 0) & (high > 0)
    chord = jnp.where(unstable, high / jnp.where(unstable, high - low, 1.0), jnp.where(low >= 0, 1.0, 0.0))
    offset = jnp.where(unstable, -chord * low, 0.0)
    value = jnp.sum(theta * up - chord * down - offset, axis=-1)
    return _sound(value - ball.radius * dual_norm(ball, (theta + chord) @ net.weight), net, x, ball)


def _sound(bound: Float[Array, " n"], net: Network, x: Float[Array, "n dim"], ball: Ball) -> Float[Array, " n"]:
    """The bound less room for rounding; −∞ for NaN."""
    sound = bound - rounding(net, x, ball)
    return jnp.where(jnp.isnan(sound), -jnp.inf, sound)

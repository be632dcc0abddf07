"""The quadratic relaxation of a symmetric ReLU net: one budget ‖δ‖ must feed all neurons.

In the frame of the label (x ← y x, since f is odd) the margin is Σ_i ReLU(t_i⁺) − ReLU(t_i⁻) with
t_i^± = ±⟨w_i, x + δ⟩ − b_i. For any θ_i in [0, 1] and r_i > 0

    ReLU(t⁺) ≥ θ t⁺,        ReLU(t⁻) = (t⁻ + |t⁻|)/2 ≤ t⁻/2 + t⁻²/(4r) + r/4,

with equality where θ = 1{t⁺ > 0} and |t⁻| = r. (A neuron whose t⁻ cannot change sign in the ball needs no
bound: it is linear there.) The sum is quadratic in δ with curvature Q = Σ_i w_i w_iᵀ/(4 r_i), and r_i ≥ 1/(4 λ a_i)
keeps Q ⪯ λ B, where a is the net's budget and B = I + (s − 1) v vᵀ (see `network`). On the part of the ball with
|⟨v, δ⟩ − β| ≤ h, a cell,

    L(δ) = Σ_i [θ t⁺ − t⁻/2 − t⁻²/(4r) − r/4] + λ (‖δ‖² − max_ball ‖·‖²) + λ (s − 1) ((⟨v, δ⟩ − β)² − h²)

is convex and never above the margin, hence for every δ̂

    margin on the cell ≥ L(δ̂) − ⟨∇L(δ̂), δ̂⟩ − τ ‖∇L(δ̂)‖_*.

This holds whatever δ̂, λ, θ and r a search has found. It is tight where the attack's own critical point has a
multiplier λ = ‖∇f‖/(2τ) above the curvature of the silent neurons: then that point is the worst of the ball.
Cells along v are needed since along it a tiny step counts for all neurons at once.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from purifyjax.balls import Ball
from purifyjax.certify.network import Network, dual_norm

# Width of the smoothed step θ, in units of a neuron's reach τ‖w_i‖_*: narrower gains nothing, and converges slower.
_KINK = 0.003
_DAMPING, _MULTIPLIER_RATE = 0.5, 0.3
# Rounding of a float64 sum of 10⁴ terms is below 1e-11 of the sum of their sizes.
_SLACK = 1e-10


class Cells(NamedTuple):
    """Parts of balls.

    Attributes:
      x: y x of the point.
      center, half: β and h of the part |⟨v, δ⟩ − β| ≤ h.
    """

    x: Float[Array, "n dim"]
    center: Float[Array, " n"]
    half: Float[Array, " n"]


class At(NamedTuple):
    """Where a bound is taken.

    Attributes:
      delta: δ̂.
      multiplier: λ.
    """

    delta: Float[Array, "n dim"]
    multiplier: Float[Array, " n"]


class Relaxed(NamedTuple):
    """The relaxation at δ̂.

    Attributes:
      value, gradient: L(δ̂) and ∇L(δ̂).
      terms: sum of the sizes of all terms, for rounding.
      pull: λ ∂(margin bound)/∂λ, what raising λ gains through lower floors minus what it costs.
    """

    value: Float[Array, " n"]
    gradient: Float[Array, "n dim"]
    terms: Float[Array, " n"]
    pull: Float[Array, " n"]


def floor_of(net: Network, multiplier: Float[Array, " n"]) -> Float[Array, "n neuron"]:
    """1/(4 λ a_i), the least r_i that keeps the curvature below λ B."""
    return 1.0 / (4.0 * multiplier[:, None] * net.budget[None, :])


def largest(ball: Ball, dimension: int) -> Float[Array, ""] | float:
    """max over the ball of ‖δ‖₂²."""
    return ball.radius**2 * (dimension if ball.norm == "linf" else 1)


def fixed_sign(net: Network, ball: Ball, start: Float[Array, "n neuron"]) -> Bool[Array, "n neuron"]:
    """Neurons whose t⁻ keeps its sign in the whole ball, from their ⟨w_i, x⟩."""
    return jnp.abs(start + net.threshold[None, :]) >= ball.radius * net.reach[None, :]


def relax(
    net: Network,
    ball: Ball,
    cells: Cells,
    at: At,
    start: Float[Array, "n neuron"],
    floor: Float[Array, "n neuron"],
    touch: Float[Array, "n neuron"] | None = None,
) -> Relaxed:
    """L and its gradient at δ̂, with θ and r chosen there.

    Args:
      start: ⟨w_i, x⟩ of every cell.
      floor: the least r_i allowed.
      touch: r_i, if not max(floor, |t⁻|).
    """
    delta, lam = at
    b = net.threshold[None, :]
    p = start + delta @ net.weight.T
    up, down = p - b, -p - b
    linear = fixed_sign(net, ball, start)
    r = jnp.maximum(floor, jnp.abs(down)) if touch is None else touch
    theta = jax.nn.sigmoid(up / (_KINK * ball.radius * net.reach[None, :] + 1e-30))
    # δ̂ may lie outside the ball: the sign that counts is the one inside.
    awake = (start + b < 0).astype(p.dtype)
    wake = jnp.where(linear, awake * down, down / 2 + down**2 / (4 * r) + r / 4)
    slope = theta + jnp.where(linear, awake, 0.5 + down / (2 * r))
    off = delta @ net.axis - cells.center
    square = jnp.sum(delta**2, axis=-1)
    largest_square = largest(ball, delta.shape[-1])
    spare = largest_square - square + (net.stretch - 1.0) * (cells.half**2 - off**2)
    value = jnp.sum(theta * up - wake, axis=-1) - lam * spare
    gradient = slope @ net.weight + 2 * lam[:, None] * (
        delta + ((net.stretch - 1.0) * off)[:, None] * net.axis[None, :]
    )
    terms = jnp.sum(jnp.abs(theta * up) + jnp.abs(wake), axis=-1) + lam * largest_square
    gain = jnp.where(linear, 0.0, jnp.maximum(floor - down**2 / floor, 0.0))
    return Relaxed(value, gradient, terms, jnp.sum(gain, axis=-1) / 4 - lam * spare)


def bound_at(ball: Ball, at: At, relaxed: Relaxed) -> Float[Array, " n"]:
    """L(δ̂) − ⟨∇L(δ̂), δ̂⟩ − τ‖∇L(δ̂)‖_*, less the stated slack of 1e-10 of all terms (float64 rounding)."""
    support = ball.radius * dual_norm(ball, relaxed.gradient)
    return relaxed.value - jnp.sum(relaxed.gradient * at.delta, axis=-1) - support - _SLACK * relaxed.terms


def lower_bound(net: Network, ball: Ball, cells: Cells, at: At) -> Float[Array, " n"]:
    """The bound of every cell at δ̂ and λ; sound when computed in float64."""
    start = cells.x @ net.weight.T
    return bound_at(ball, at, relax(net, ball, cells, at, start, floor_of(net, at.multiplier)))


def initial(net: Network, ball: Ball, x: Float[Array, "n dim"]) -> At:
    """δ̂ = 0 and a little more than the multiplier at which the gradient alone spends the ball."""
    p = x @ net.weight.T
    slope = (jnp.abs(p) > net.threshold[None, :]).astype(p.dtype)
    size = jnp.linalg.norm(slope @ net.weight, axis=-1) / (2 * jnp.sqrt(largest(ball, x.shape[-1])))
    # A net that is flat at x has no gradient, yet silent neurons that may wake.
    least = 0.01 * jnp.mean(1.0 / (4.0 * net.budget * jnp.maximum(net.reach, 1e-30) * ball.radius))
    return At(jnp.zeros_like(x), jnp.maximum(1.4 * size, least))


def descend(net: Network, at: At, gradient: Float[Array, "n dim"]) -> Float[Array, "n dim"]:
    """δ̂ after one damped Newton step on L in the metric of λ B: δ̂ − ½ B⁻¹ ∇L/(2 λ)."""
    move = gradient / (2 * at.multiplier[:, None])
    move = move - ((1.0 - 1.0 / net.stretch) * (move @ net.axis))[:, None] * net.axis[None, :]
    return at.delta - _DAMPING * move


def search(net: Network, ball: Ball, cells: Cells, at: At, steps: int) -> tuple[At, Float[Array, " n"]]:
    """Damped Newton steps on L in the metric of λ B, with λ moving up its own slope; the bound at the end.

    The steps minimise L, so that δ̂ is also a strong attack on the margin.
    """
    start = cells.x @ net.weight.T
    largest_square = largest(ball, cells.x.shape[-1])

    def step(at: At, _):
        lam = at.multiplier
        now = relax(net, ball, cells, at, start, floor_of(net, lam))
        delta = descend(net, at, now.gradient)
        if ball.norm == "linf":
            # Multipliers of the box's single constraints: δ̂ need not leave it.
            delta = ball.project(delta)
        grow = jnp.clip(now.pull / (lam * largest_square), -1.0, 1.0)
        return At(delta, lam * jnp.exp(_MULTIPLIER_RATE * grow)), None

    at, _ = jax.lax.scan(step, at, None, length=steps)
    return at, bound_at(ball, at, relax(net, ball, cells, at, start, floor_of(net, at.multiplier)))

"""The quadratic relaxation with the curvature of the very cell, instead of one budget for the whole net.

The net's budget lets every neuron be as curved as its floor allows. In a given cell most are not: their r_i = |t_i⁻|
is above the floor, and the others may go below it. Here r is chosen with lowered floors, Q = Σ w_i w_iᵀ/(4 r_i) is
formed, and Q ⪯ λ B is proven by a Cholesky factorisation of λ B − Q: it exists only for positive definite matrices,
also in floating point up to the stated slack. d³/3 + m d² products a cell: for the few that are undecided.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from purifyjax.balls import Ball
from purifyjax.certify.network import Network, bend
from purifyjax.certify.quadratic import At, Cells, bound_at, descend, fixed_sign, floor_of, relax, search

_POWER_STEPS = 30
_OVER_ESTIMATE = 1.01  # the power method approaches the top eigenvalue from below
# A completed Cholesky factorisation in float64 proves the matrix positive up to d ε tr ~ 1e-9 of the diagonal.
_CHOLESKY_SLACK = 1e-8


def dense_bound(net: Network, ball: Ball, cells: Cells, at: At, lowering: float, steps: int = 12):
    """The bound of every cell with floors lowered by the factor `lowering`, and where it is taken.

    Must be traced in float64 to be sound; −∞ where the curvature could not be proven.
    """
    optimist = net._replace(budget=net.budget / lowering)
    at, _ = search(optimist, ball, cells, at, steps)
    delta, lam = at
    start = cells.x @ net.weight.T
    down = -(start + delta @ net.weight.T) - net.threshold[None, :]
    floor = lowering * floor_of(net, lam)
    r = jnp.maximum(floor, jnp.abs(down))
    curved = jnp.where(fixed_sign(net, ball, start), 0.0, 1.0 / (4.0 * r))
    bent = bend(net.weight, net.axis, net.stretch)
    tops, forms = jax.lax.map(lambda row: _top(bent, row), curved)
    lam = jnp.maximum(lam, tops * _OVER_ESTIMATE)

    def step(delta, _):
        at = At(delta, lam)
        return descend(net, at, relax(net, ball, cells, at, start, floor, r).gradient), None

    delta, _ = jax.lax.scan(step, delta, None, length=steps)
    at = At(delta, lam)
    bound = bound_at(ball, at, relax(net, ball, cells, at, start, floor, r))
    proven = jax.lax.map(lambda args: _dominates(*args), (lam, forms))
    return jnp.where(proven, bound, -jnp.inf), at


def _top(bent: Float[Array, "neuron dim"], curved: Float[Array, " neuron"]):
    """An estimate of the top eigenvalue of Q in the metric of B, and Q itself."""
    form = (bent * curved[:, None]).T @ bent

    def step(vector, _):
        image = form @ vector
        return image / jnp.maximum(jnp.linalg.norm(image), 1e-30), None

    vector, _ = jax.lax.scan(
        step, jax.random.normal(jax.random.key(0), (form.shape[0],), form.dtype), None, _POWER_STEPS
    )
    return vector @ (form @ vector), form


def _dominates(lam: Float[Array, ""], form: Float[Array, "dim dim"]) -> Array:
    """Whether Q ⪯ λ B, proven."""
    matrix = (1.0 - _CHOLESKY_SLACK) * lam * jnp.eye(form.shape[0], dtype=form.dtype) - form
    return jnp.isfinite(jnp.linalg.cholesky(matrix)).all()

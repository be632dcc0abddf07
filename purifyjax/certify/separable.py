"""Lower bounds of the margin of Σ_j p(u_j) with an odd polynomial p over an ℓ2 ball, by Lagrangian duality.

For every λ ≥ 0

    min_{‖δ‖ ≤ τ} Σ_j p(u_j + δ_j)  ≥  Σ_j min_{|t| ≤ τ} [p(u_j + t) + λ t²] − λ τ²,

a problem a coordinate. The best λ leaves little: where many coordinates are alike (the zeros of a sparse code), the
dual of the separable problem is nearly the primal (Shapley–Folkman).

Source: Boyd & Vandenberghe, Convex Optimization, section 5.1; Aubin & Ekeland, Math. Oper. Res. 1 (1976).
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike, NDArray

from purifyjax.balls import require_radius
from purifyjax.errors import require, require_real
from purifyjax.models import odd_polynomial
from purifyjax.settings import real_array

Coefficient = Float[Array, " power"]

_MULTIPLIERS = 33
_PLACES = 257  # of u; odd, so that 0, where most coordinates lie, is among them
_STEPS = 129  # of t in [−τ, τ]


class Histogram(NamedTuple):
    """Coordinates of points, counted at evenly spaced places: all that a separable function needs to know of them.

    Attributes:
      places: u, symmetric about 0.
      counts: how many coordinates of a point lie at each; one between two places counts for both in shares, so that
        Σ_place counts g(place) interpolates Σ_j g(u_j) linearly.
    """

    places: Float[Array, "*s place"]
    counts: Float[Array, "*s n place"]


def histogram(values: Float[ArrayLike, "n dim"]) -> Histogram:
    """The histogram of y u_j, on as many places as searches need."""
    u = _finite_rows(values)
    reach = max(float(np.abs(u).max(initial=0.0)), np.finfo(np.float32).tiny)
    position = (u + reach) * ((_PLACES - 1) / (2.0 * reach))
    left = np.minimum(position.astype(int), _PLACES - 2)
    counts, rows = np.zeros((len(u), _PLACES)), np.arange(len(u))[:, None]
    np.add.at(counts, (rows, left), 1.0 - (position - left))
    np.add.at(counts, (rows, left + 1), position - left)
    return Histogram(jnp.linspace(-reach, reach, _PLACES), jnp.asarray(counts, jnp.float32))


def _finite_rows(values: ArrayLike) -> NDArray[np.float64]:
    u = real_array("values", values)
    require(u.ndim == 2, "shape of the values", u.shape, "[n, dim]")
    require_real("values", u, "finite numbers")
    return u


def separable_estimate(coefficient: Coefficient, points: Histogram, radius: float | Array) -> Float[Array, " n"]:
    """The dual bound, interpolated between places u and minimised over a grid of t: for searches, not for proofs.

    Pure; it may be jitted and mapped over coefficients.

    Args:
      coefficient: a₁, a₃, … of p.
      points: of y u_j.
      radius: τ > 0 in the units of u.
    """
    return jnp.max(_dual(coefficient, points, radius, _multipliers(coefficient, radius)), axis=0)


def separable_margin(
    coefficient: ArrayLike, values: Float[ArrayLike, "n dim"], radius: float
) -> Float[np.ndarray, " n"]:
    """A lower bound of min_{‖δ‖ ≤ τ} Σ_j p(u_j + δ_j) for every point, sound to float64's rounding.

    λ is taken where the estimate is largest; the minima are then exact, at the critical points of p(u + t) + λ t².

    Args:
      coefficient: a₁, a₃, … of p.
      values: y u_j, since y p(u) = p(y u).
      radius: τ ≥ 0 in the units of u.

    Raises:
      ConfigError: a radius that is not one, or coefficients or values that are not finite.
    """
    require_radius("radius τ", radius)
    a, u = real_array("coefficient", coefficient), _finite_rows(values)
    require(np.ndim(radius) == 0, "radius τ", radius, "one number")
    require(a.ndim == 1 and len(a) > 0, "shape of the coefficients", a.shape, "[power], at least one")
    require_real("coefficient", a, "finite numbers")
    if radius == 0 or not u.size:
        return odd_polynomial(a, u).sum(axis=1)
    low = jnp.asarray(a, jnp.float32)
    multipliers = _multipliers(low, radius)
    best = np.asarray(jnp.argmax(_dual(low, histogram(u), radius, multipliers), axis=0))
    chosen = np.asarray(multipliers, np.float64)[best]
    least = _exact_minimum(a, u, np.broadcast_to(chosen[:, None], u.shape), radius)
    return least.sum(axis=1) - chosen * radius**2


def _multipliers(coefficient: Coefficient, radius: float | Array) -> Float[Array, " multiplier"]:
    """λ = 0 and a geometric grid, from hardly a price to one that no slope of p on the features outweighs."""
    size = jnp.sum(jnp.abs(coefficient) * 3.0 ** (2 * jnp.arange(len(coefficient)) + 1.0)) / radius
    return jnp.concatenate([jnp.zeros(1), size * jnp.geomspace(1e-4, 10.0, _MULTIPLIERS - 1)])


def _dual(coefficient, points: Histogram, radius, multipliers) -> Float[Array, "multiplier n"]:
    """The dual function at every λ."""
    t = jnp.linspace(-radius, radius, _STEPS)
    moved = odd_polynomial(coefficient, points.places[:, None] + t[None, :])
    least = jax.lax.map(lambda multiplier: jnp.min(moved + multiplier * t[None, :] ** 2, axis=1), multipliers)
    inner = jnp.matmul(least, points.counts.T, precision=jax.lax.Precision.HIGHEST)
    return inner - multipliers[:, None] * radius**2


def _exact_minimum(a: NDArray, u: NDArray, multiplier: NDArray, radius: float) -> NDArray:
    """min_{|t| ≤ τ} p(u + t) + λ t²: at the ends, or where the derivative, a polynomial in v = u + t, vanishes."""
    pairs, where = np.unique(np.stack([u.ravel(), multiplier.ravel()]), axis=1, return_inverse=True)
    place, price = pairs[:, :, None]
    grid = np.linspace(-radius, radius, _STEPS)
    # Grid points cost nothing, and no root that rounding moves is missed altogether.
    v = np.concatenate([_critical(a, place[:, 0], price[:, 0]), place + grid], axis=1)
    v = np.clip(v, place - radius, place + radius)
    least = np.min(odd_polynomial(a, v) + price * (v - place) ** 2, axis=1)
    return least[where.reshape(-1)].reshape(u.shape)


def _critical(a: NDArray, place: NDArray, price: NDArray) -> NDArray:
    """Real parts of the roots of p'(v) + 2 λ (v − u), as eigenvalues of companion matrices, [pair, root]."""
    slope = np.zeros(2 * len(a) - 1)
    slope[::2] = a * (2 * np.arange(len(a)) + 1)
    degree = int(np.flatnonzero(slope).max(initial=0))
    terms = np.tile(slope[: degree + 1], (len(place), 1))
    if degree == 0:  # a line through the price's slope alone
        return (place - slope[0] / np.maximum(2.0 * price, np.finfo(np.float64).tiny))[:, None]
    terms[:, 0] -= 2.0 * price * place
    terms[:, 1] += 2.0 * price
    companion = np.zeros((len(place), degree, degree))
    companion[:, np.arange(1, degree), np.arange(degree - 1)] = 1.0
    companion[:, :, -1] = -terms[:, :-1] / terms[:, -1:]
    return np.linalg.eigvals(companion).real

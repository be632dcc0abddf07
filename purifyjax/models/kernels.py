"""Infinitely wide tangent kernel and random features of the symmetric ReLU net, and kernel ridge regression.

For w ~ N(0, I) the pre-activations (⟨w, x⟩, ⟨w, x'⟩) are Gaussian with covariances ‖x‖², ‖x'‖², ⟨x, x'⟩. With a
threshold t, h = t/‖x‖, k = t/‖x'‖ and ρ = cos∠(x, x') all is given by L(h, k, ρ) = Pr[U ≥ h, V ≥ k], the upper
tail of a bivariate normal with correlation ρ, since (U, −V) has correlation −ρ.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jax.scipy.special import ndtr
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from purifyjax.errors import require

Kernel = Callable[[Float[Array, "n dim"], Float[Array, "p dim"]], Float[Array, "n p"]]

_NODES = 48
_BLOCK = 4  # nodes whose integrand is held at once
_HIGHEST = jax.lax.Precision.HIGHEST
_TINY = 1e-30
_SHORTEST = 1e-6  # of ‖x‖: smaller ones, squared in derivatives, would leave float32


@jax.custom_jvp
def upper_tail(h: Float[Array, "*s"], k: Float[Array, "*s"], rho: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """Pr[U ≥ h, V ≥ k] for standard normal U, V with correlation ρ.

        L(h, k, ρ) = Φ(−h) Φ(−k) + 1/(2π) ∫_0^{arcsin ρ} exp(−(h² + k² − 2hk sin θ)/(2 cos² θ)) dθ

    by Gauss–Legendre quadrature. With s = sign ρ and sin θ = s sin φ the exponent is
    −(h − s k)²/(2 cos² φ) − s hk/(1 + sin φ), which has no cancellation where |ρ| → 1. The derivatives
    are closed forms: ∂L/∂ρ = φ₂(h, k; ρ) and ∂L/∂h = −φ(h) Φ((ρh − k)/√(1 − ρ²)).

    Source: Drezner & Wesolowsky, J. Stat. Comput. Simul. 35 (1990); Genz, Statistics and Computing 14 (2004).
    """
    sign = jnp.where(rho >= 0, 1.0, -1.0).astype(rho.dtype)
    angle = jnp.arcsin(jnp.abs(rho))
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    squared, product = (h - sign * k) ** 2, sign * h * k

    def block(total, node_and_weight):
        for node, weight in zip(*node_and_weight, strict=True):
            sine, cosine = jnp.sin(angle * node), jnp.cos(angle * node)
            exponent = squared / (2.0 * jnp.maximum(cosine**2, _TINY)) + product / (1.0 + sine)
            total = total + weight * jnp.exp(-exponent)
        return total, None

    # Blocks, since all nodes of an n × p kernel at once would not fit into memory.
    unit = jnp.asarray((1.0 + nodes).reshape(-1, _BLOCK) / 2.0, rho.dtype)
    halved = jnp.asarray(weights.reshape(-1, _BLOCK) / 2.0, rho.dtype)
    integral, _ = jax.lax.scan(block, jnp.zeros_like(rho), (unit, halved))
    return ndtr(-h) * ndtr(-k) + sign * angle * integral / (2.0 * np.pi)


@upper_tail.defjvp
def _upper_tail_jvp(primals, tangents):
    h, k, rho = primals
    dh, dk, drho = tangents
    width = _width(rho)

    def slope(a, b):
        return -jax.scipy.stats.norm.pdf(a) * ndtr((rho * a - b) / width)

    tangent = slope(h, k) * dh + slope(k, h) * dk + _density(h, k, rho) * drho
    return upper_tail(h, k, rho), tangent


def _width(rho: Array) -> Array:
    """√(1 − ρ²), kept off 0, where the tail has a kink."""
    return jnp.sqrt(jnp.maximum((1.0 - rho) * (1.0 + rho), jnp.finfo(rho.dtype).eps))


def _density(h: Array, k: Array, rho: Array) -> Array:
    """φ₂(h, k; ρ), the density of the pair."""
    width = _width(rho)
    sign = jnp.where(rho >= 0, 1.0, -1.0).astype(rho.dtype)
    exponent = (h - sign * k) ** 2 / (2.0 * width**2) + sign * h * k / (1.0 + jnp.abs(rho))
    return jnp.exp(-exponent) / (2.0 * np.pi * width)


def _rectified(h: Array, k: Array, rho: Array) -> Array:
    """E ReLU(U − h) ReLU(V − k): the antiderivative in ρ of `upper_tail`."""
    width = _width(rho)

    def edge(a, b):
        return a * jax.scipy.stats.norm.pdf(b) * ndtr((rho * b - a) / width)

    return (rho + h * k) * upper_tail(h, k, rho) + width**2 * _density(h, k, rho) - edge(h, k) - edge(k, h)


def _pairs(x: Array, z: Array, threshold: float) -> tuple[Array, Array, Array, Array, Array]:
    """⟨x, z⟩, ‖x‖‖z‖, h, k and ρ of all pairs, [n, p] each."""
    product = jnp.matmul(x, z.T, precision=_HIGHEST)
    size_x, size_z = (jnp.sqrt(jnp.maximum(jnp.sum(a**2, axis=-1), _SHORTEST**2)) for a in (x, z))
    size = size_x[:, None] * size_z[None, :]
    h = jnp.broadcast_to((threshold / size_x)[:, None], product.shape)
    k = jnp.broadcast_to((threshold / size_z)[None, :], product.shape)
    # One rounding inside (−1, 1): arcsin has no derivative at the ends.
    limit = 1.0 - jnp.finfo(product.dtype).eps
    return product, size, h, k, jnp.clip(product / size, -limit, limit)


def tangent_kernel(threshold: float) -> Kernel:
    """The kernel of `TangentKernel` per neuron: K(x, x') = 2 ⟨x, x'⟩ [L(h, k, ρ) + L(h, k, −ρ)].

    It is ⟨x, x'⟩ E[gate(x) gate(x')] with gate(x) = 1{⟨w, x⟩ ≥ t} + 1{−⟨w, x⟩ ≥ t}. At t = 0 every gate is 1 and K
    is the linear kernel ⟨x, x'⟩.

    Args:
      threshold: t ≥ 0; t/‖x‖ is the threshold in standard deviations of ⟨w, x⟩.

    Raises:
      ConfigError: a negative threshold.
    """
    require(threshold >= 0, "threshold t", threshold, "t ≥ 0")

    def kernel(x, z):
        product, _, h, k, rho = _pairs(x, z, threshold)
        return 2.0 * product * (upper_tail(h, k, rho) + upper_tail(h, k, -rho))

    return kernel


def feature_kernel(threshold: float) -> Kernel:
    """The kernel of `RandomFeatures` per neuron: K(x, x') = 2 ‖x‖‖x'‖ [G(h, k, ρ) − G(h, k, −ρ)].

    It is E[φ(⟨w, x⟩) φ(⟨w, x'⟩)] with φ(p) = ReLU(p − t) − ReLU(−p − t), and G(h, k, ρ) = E ReLU(U − h) ReLU(V − k)
    = (ρ + hk) L + (1 − ρ²) φ₂ − h φ(k) Φ((ρk − h)/√(1 − ρ²)) − k φ(h) Φ((ρh − k)/√(1 − ρ²)). At t = 0 it is ⟨x, x'⟩.

    Args:
      threshold: t ≥ 0.

    Raises:
      ConfigError: a negative threshold.
    """
    require(threshold >= 0, "threshold t", threshold, "t ≥ 0")

    def kernel(x, z):
        _, size, h, k, rho = _pairs(x, z, threshold)
        return 2.0 * size * (_rectified(h, k, rho) - _rectified(h, k, -rho))

    return kernel


def kernel_ridge(
    kernel: Kernel, x: Float[Array, "n dim"], y: Float[Array, " n"] | ArrayLike, ridge: float
) -> Float[Array, " n"]:
    """Dual coefficients α = (K + λ I)⁻¹ y of f(x) = Σ_n α_n K(x, x_n), solved in float64.

    f minimises Σ_n (f(x_n) − y_n)² + λ ‖f‖²_K.

    Args:
      ridge: λ > 0, in the units of K.

    Raises:
      ConfigError: λ is not positive, or too small for a kernel matrix that rounding has left indefinite.
    """
    require(ridge > 0, "ridge λ", ridge, "λ > 0")
    gram = np.asarray(kernel(x, x), np.float64)
    gram = (gram + gram.T) / 2.0 + ridge * np.eye(len(gram))
    try:
        factor = scipy.linalg.cho_factor(gram, overwrite_a=True)
    except scipy.linalg.LinAlgError:
        require(False, "ridge λ", ridge, "larger: the kernel matrix is singular to rounding")
        raise
    return jnp.asarray(scipy.linalg.cho_solve(factor, np.asarray(y, np.float64)), x.dtype)


def kernel_margin(kernel: Kernel, points: Float[Array, "n dim"], dual: Float[Array, " n"]):
    """(x, y) ↦ y Σ_n α_n K(x, x_n), differentiable in x except where x is parallel to a point x_n."""

    def margin(x: Float[Array, "p dim"], y: Float[Array, " p"]) -> Float[Array, " p"]:
        return y * jnp.matmul(kernel(x, points), dual, precision=_HIGHEST)

    return margin

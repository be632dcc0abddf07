"""The two-layer symmetric ReLU network of *Feature Purification* (arXiv 2005.10190)."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def expected_relu(u: Float[Array, "*s"], std: Float[Array, ""] | float) -> Float[Array, "*s"]:
    """E ReLU(u + ρ) for ρ ~ N(0, std²): u Φ(u/std) + std φ(u/std)."""
    t = u / std
    return u * jax.scipy.stats.norm.cdf(t) + std * jax.scipy.stats.norm.pdf(t)


class SymmetricReLU(nn.Module):
    """f(x) = Σ_i [ReLU(⟨w_i,x⟩ + ρ_i − b_i) − ReLU(−⟨w_i,x⟩ + ρ_i − b_i)].

    Parameters (collection "params"): `weight` [neuron, dim] holds w_i ~ N(0, σ₀² I) at the start,
    `threshold` [neuron] holds b_i; the output weights are fixed. f is odd in x.

    Attributes:
      neurons: m, the number of neuron pairs.
      init_scale: σ₀.
      precision: of the matrix product; `Precision.HIGHEST` makes evaluation full float32 everywhere.
    """

    neurons: int
    init_scale: float = 1e-3
    precision: jax.lax.Precision | None = None

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "*n dim"],
        smoothing: Float[Array, "*n neuron"] | None = None,
        smoothing_std: Float[Array, ""] | float | None = None,
    ) -> Float[Array, "*n"]:
        """The network's output.

        Args:
          smoothing: a draw of the smoothing noise ρ, one a neuron; None means ρ = 0.
          smoothing_std: σ_ρ for the expectation over ρ in closed form, instead of a draw.
        """
        weight = self.param("weight", nn.initializers.normal(self.init_scale), (self.neurons, x.shape[-1]), jnp.float32)
        threshold = self.param("threshold", nn.initializers.zeros, (self.neurons,), jnp.float32)
        p = jnp.matmul(x, weight.T, precision=self.precision)
        b = threshold if p.ndim == 1 else jnp.expand_dims(threshold, tuple(range(p.ndim - 1)))
        if smoothing_std is not None:
            return jnp.sum(expected_relu(p - b, smoothing_std) - expected_relu(-p - b, smoothing_std), axis=-1)
        rho = 0.0 if smoothing is None else smoothing
        return jnp.sum(nn.relu(p + rho - b) - nn.relu(-p + rho - b), axis=-1)

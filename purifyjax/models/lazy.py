"""What the symmetric ReLU net can do without learning features: its tangent kernel and its random features.

Both keep neurons w_i⁰, b_i that are never trained, in the collection "fixed" (`weight` [neuron, dim] and
`threshold` [neuron]); put a trained net's own weights there to linearise it where it stands. The infinitely wide
limits are in `kernels`.
"""

from __future__ import annotations

from typing import cast

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Neurons = tuple[Float[Array, "neuron dim"], Float[Array, " neuron"]]


def _fixed_neurons(module: nn.Module, neurons: int, dim: int, threshold: float) -> Neurons:
    """w_i⁰ ~ N(0, I) and b_i = threshold. Their scale would change nothing: only ⟨w_i⁰, x⟩/b_i matters for a gate."""

    def draw():
        return jax.random.normal(module.make_rng("params"), (neurons, dim), jnp.float32)

    weight = module.variable("fixed", "weight", draw).value
    level = module.variable("fixed", "threshold", jnp.full, (neurons,), threshold, jnp.float32).value
    return cast(Neurons, (weight, level))


def _preactivation(x: Array, neurons: Neurons, precision: jax.lax.Precision | None) -> tuple[Array, Array]:
    """⟨w_i⁰, x⟩, and b_i with as many axes."""
    weight, threshold = neurons
    p = jnp.matmul(x, weight.T, precision=precision)
    return p, jnp.expand_dims(threshold, tuple(range(p.ndim - 1)))


class TangentKernel(nn.Module):
    """f(x) = Σ_i ⟨v_i, x⟩ (1{⟨w_i⁰, x⟩ ≥ b_i} + 1{−⟨w_i⁰, x⟩ ≥ b_i}).

    The symmetric ReLU net to first order in its weights at w⁰: linear in v, the only parameter (`weight`
    [neuron, dim], 0 at the start). The gates are piecewise constant in x, so that ∇_x f = Σ_i v_i gate_i.

    Attributes:
      neurons: m.
      threshold: b_i at the start, for w_i⁰ ~ N(0, I): t ‖x‖ is t standard deviations of ⟨w_i⁰, x⟩.
      precision: of the matrix products.

    Source: Jacot et al. (arXiv 1806.07572); Feature Purification (arXiv 2005.10190, section 3).
    """

    neurons: int
    threshold: float = 0.0
    precision: jax.lax.Precision | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "*n dim"]) -> Float[Array, "*n"]:
        tangent = self.param("weight", nn.initializers.zeros, (self.neurons, x.shape[-1]), jnp.float32)
        p, b = _preactivation(x, _fixed_neurons(self, self.neurons, x.shape[-1], self.threshold), self.precision)
        gate = (p >= b).astype(x.dtype) + (-p >= b).astype(x.dtype)
        # ∇_x f first, f as its product with x: differentiating in x then costs no further matrix product.
        return jnp.sum(jnp.matmul(gate, tangent, precision=self.precision) * x, axis=-1)


class RandomFeatures(nn.Module):
    """f(x) = Σ_i a_i [ReLU(⟨w_i⁰, x⟩ − b_i) − ReLU(−⟨w_i⁰, x⟩ − b_i)], with a the only parameter.

    Parameters: `coefficient` [neuron] holds a_i, 0 at the start.

    Attributes:
      neurons: m.
      threshold: b_i at the start, for w_i⁰ ~ N(0, I).
      precision: of the matrix products.

    Source: Rahimi & Recht, NeurIPS 20 (2007).
    """

    neurons: int
    threshold: float = 0.0
    precision: jax.lax.Precision | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "*n dim"]) -> Float[Array, "*n"]:
        coefficient = self.param("coefficient", nn.initializers.zeros, (self.neurons,), jnp.float32)
        p, b = _preactivation(x, _fixed_neurons(self, self.neurons, x.shape[-1], self.threshold), self.precision)
        return jnp.matmul(nn.relu(p - b) - nn.relu(-p - b), coefficient, precision=self.precision)

"""The two-layer convolutional network on patches of Li & Li (arXiv 2410.08503, section 3)."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from purifyjax.errors import require


def smoothed_relu(t: Float[Array, "*s"], exponent: int, knee: float | Float[Array, ""]) -> Float[Array, "*s"]:
    """σ(t) = 0 for t ≤ 0, t^q/(q ϱ^{q−1}) on [0, ϱ], t − (1 − 1/q) ϱ above: a ReLU with a polynomial start.

    σ and σ' are continuous, σ' = (t/ϱ)^{q−1} below the knee.

    Args:
      exponent: q ≥ 2.
      knee: ϱ > 0.
    """
    # Clipped before the power: overflow in the branch that is not taken would still reach the gradient.
    scaled = t / knee
    start = jnp.clip(scaled, 0.0, 1.0) ** exponent / exponent
    return knee * (start + jnp.maximum(scaled - 1.0, 0.0))


class PatchCNN(nn.Module):
    """F_c(X) = Σ_r Σ_p σ(⟨w_{c,r}, x_p⟩), the logits of the classes.

    Parameters (collection "params"): `weight` [class, filter, dim] holds w_{c,r} ~ N(0, σ₀² I) at the start; the
    output weights are fixed to 1.

    Attributes:
      classes: K.
      filters: of each class, one a neuron.
      patches: P.
      exponent, knee: q and ϱ of the smoothed ReLU.
      init_scale: σ₀.
      precision: of the matrix product; `Precision.HIGHEST` makes evaluation full float32 everywhere.
    """

    classes: int
    filters: int
    patches: int
    exponent: int = 3
    knee: float = 1.0
    init_scale: float = 1e-2
    precision: jax.lax.Precision | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "n patches*dim"]) -> Float[Array, "n class"]:
        """The logits of rows of patches, one after another."""
        width = x.shape[-1]
        require(width % self.patches == 0, "patches P", self.patches, f"a divisor of the inputs' width {width}")
        dim = width // self.patches
        shape = (self.classes, self.filters, dim)
        weight = self.param("weight", nn.initializers.normal(self.init_scale), shape, jnp.float32)
        patches = x.reshape(-1, dim)
        product = jnp.matmul(patches, weight.reshape(-1, dim).T, precision=self.precision)
        active = smoothed_relu(product, self.exponent, self.knee)
        return jnp.sum(active.reshape(-1, self.patches, self.classes, self.filters), axis=(1, 3))

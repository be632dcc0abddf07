"""Polynomials of degree 2 and 3 as sums of powers of linear forms."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from purifyjax.errors import require


class Polynomial(nn.Module):
    """f(x) = c + ⟨w, x⟩ + Σ_r a_r ⟨u_r, x⟩² (+ Σ_r c_r ⟨v_r, x⟩³ in degree 3).

    Every polynomial of the degree has this form once the rank is large enough: d squares suffice for a quadratic
    form (its eigenvectors), and (d choose 3 with repetition) = d(d+1)(d+2)/6 cubes for a cubic one, since cubes
    of linear forms span the cubic forms. A lower rank is a class of its own, which grows with the rank.

    Parameters: `intercept` [], `weight` [dim]; `square` [rank, dim] holds u_r and `square_coefficient` [rank] a_r;
    `cube` and `cube_coefficient` hold v_r and c_r in degree 3. The linear forms start from N(0, σ₀² I), all else
    at 0, so that f = 0 at the start.

    Attributes:
      degree: 2 or 3.
      rank: how many powers of each degree above 1.
      init_scale: σ₀.
      precision: of the matrix products.

    Raises:
      ConfigError: at the first call, for another degree or a rank below 1.

    Source: Comon, Golub, Lim & Mourrain, Symmetric tensors and symmetric tensor rank (arXiv 0802.1681).
    """

    degree: int
    rank: int
    init_scale: float = 1.0
    precision: jax.lax.Precision | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "*n dim"]) -> Float[Array, "*n"]:
        require(self.degree in (2, 3), "degree", self.degree, "2 or 3")
        require(self.rank >= 1, "rank", self.rank, "at least 1")
        weight = self.param("weight", nn.initializers.zeros, (x.shape[-1],))
        value = self.param("intercept", nn.initializers.zeros, ()) + jnp.matmul(x, weight, precision=self.precision)
        for power, name in ((2, "square"), (3, "cube"))[: self.degree - 1]:
            form = self.param(name, nn.initializers.normal(self.init_scale), (self.rank, x.shape[-1]))
            coefficient = self.param(f"{name}_coefficient", nn.initializers.zeros, (self.rank,))
            features = jnp.matmul(x, form.T, precision=self.precision) ** power
            value = value + jnp.matmul(features, coefficient, precision=self.precision)
        return value

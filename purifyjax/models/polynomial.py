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


class SymmetricPolynomial(nn.Module):
    """A polynomial of degree ≤ 3 that is invariant under permutations of the coordinates.

    With power sums p_j = Σ_i x_i^j, the seven that span them: 1, p₁, p₁², p₂, p₁³, p₁ p₂, p₃ (of degree 2: the first
    four), each divided by `scale`, so that coefficients are of order one.

    This small class stands for all polynomials of its degree where the data and the ball are invariant under
    permutations (w* = 1, M = I). The adversarial loss E max_δ ℓ(y f(x + δ)) is convex in f for convex ℓ, and is the
    same for f and for f with its coordinates permuted; by Jensen's inequality the average over all permutations
    is no worse than f. Hence a symmetric polynomial attains the least adversarial loss over *all* polynomials.

    Parameters: `coefficient` [4 or 7], 0 at the start.

    Attributes:
      degree: 2 or 3.
      scale: typical sizes of the terms, in the order above.

    Raises:
      ConfigError: at the first call, for another degree or too few scales.
    """

    degree: int
    scale: tuple[float, ...] = (1.0,) * 7

    @nn.compact
    def __call__(self, x: Float[Array, "*n dim"]) -> Float[Array, "*n"]:
        require(self.degree in (2, 3), "degree", self.degree, "2 or 3")
        count = 4 if self.degree == 2 else 7
        require(len(self.scale) >= count, "number of scales", len(self.scale), f"at least {count}")
        coefficient = self.param("coefficient", nn.initializers.zeros, (count,))
        terms = power_sum_terms(x, self.degree)
        return sum(c * term / s for c, term, s in zip(coefficient, terms, self.scale, strict=False))  # pyright: ignore


def power_sum_terms(x: Float[Array, "*n dim"], degree: int) -> list[Float[Array, "*n"]]:
    """1, p₁, p₁², p₂ and, in degree 3, p₁³, p₁ p₂, p₃."""
    p1, p2 = jnp.sum(x, axis=-1), jnp.sum(x**2, axis=-1)
    terms = [jnp.ones_like(p1), p1, p1**2, p2]
    return terms if degree == 2 else [*terms, p1**3, p1 * p2, jnp.sum(x**3, axis=-1)]

"""Polynomials: of degree 2 and 3 in full, of any odd degree coordinate by coordinate."""

from __future__ import annotations

from typing import TypeVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from purifyjax.errors import require

Numbers = TypeVar("Numbers", Array, np.ndarray)


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
        weight = self.param("weight", nn.initializers.zeros, (x.shape[-1],), jnp.float32)
        intercept = self.param("intercept", nn.initializers.zeros, (), jnp.float32)
        value = intercept + jnp.matmul(x, weight, precision=self.precision)
        for power, name in ((2, "square"), (3, "cube"))[: self.degree - 1]:
            form = self.param(name, nn.initializers.normal(self.init_scale), (self.rank, x.shape[-1]), jnp.float32)
            coefficient = self.param(f"{name}_coefficient", nn.initializers.zeros, (self.rank,), jnp.float32)
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
        coefficient = self.param("coefficient", nn.initializers.zeros, (count,), jnp.float32)
        terms = power_sum_terms(x, self.degree)
        return sum(c * term / s for c, term, s in zip(coefficient, terms, self.scale, strict=False))  # pyright: ignore


def power_sum_terms(x: Float[Array, "*n dim"], degree: int) -> list[Float[Array, "*n"]]:
    """1, p₁, p₁², p₂ and, in degree 3, p₁³, p₁ p₂, p₃."""
    p1, p2 = jnp.sum(x, axis=-1), jnp.sum(x**2, axis=-1)
    terms = [jnp.ones_like(p1), p1, p1**2, p2]
    return terms if degree == 2 else [*terms, p1**3, p1 * p2, jnp.sum(x**3, axis=-1)]


class CoordinatePolynomial(nn.Module):
    """f(x) = c + Σ_j w_j p(x_j/s) with one odd polynomial p(u) = a₁ u + a₃ u³ + … + a_n uⁿ for all coordinates.

    What a polynomial can do against dense perturbations: p is flat near 0, where most coordinates of a sparse code
    lie, and follows the values of the features. It is flat and then linear the better the higher its degree, and is
    `SymmetricPolynomial` with p₁ and p₃ alone in degree 3.

    Parameters: `coefficient` [(n + 1)/2] holds a₁, a₃, …, a_n and `intercept` [] c, 0 at the start. In the collection
    "fixed", `label_weight` [dim] holds w_j = 1: put w* there for labels that weigh features differently. For a
    dictionary M pass Mᵀx.

    Attributes:
      degree: n, odd.
      unit: s, the unit of length; 1/√k makes u of order one on features.

    Raises:
      ConfigError: at the first call, for an even degree or a unit that is not positive.
    """

    degree: int
    unit: float = 1.0

    @nn.compact
    def __call__(self, x: Float[Array, "*n dim"]) -> Float[Array, "*n"]:
        require(self.degree >= 1 and self.degree % 2 == 1, "degree", self.degree, "odd")
        require(self.unit > 0, "unit", self.unit, "above 0")
        coefficient = self.param("coefficient", nn.initializers.zeros, ((self.degree + 1) // 2,), jnp.float32)
        intercept = self.param("intercept", nn.initializers.zeros, (), jnp.float32)
        weight = self.variable("fixed", "label_weight", jnp.ones, (x.shape[-1],), jnp.float32).value
        value = odd_polynomial(coefficient, x / self.unit)
        return intercept + jnp.matmul(value, weight, precision=jax.lax.Precision.HIGHEST)


def odd_polynomial(coefficient: Numbers, u: Numbers) -> Numbers:
    """a₁ u + a₃ u³ + … of coefficients [power] at u of any shape, by Horner's rule in u²; numpy arrays stay numpy."""
    value, square = coefficient[-1] + 0.0 * u, u**2
    for a in coefficient[-2::-1]:
        value = value * square + a
    return value * u  # pyright: ignore[reportReturnType]

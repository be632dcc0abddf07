"""Randomised smoothing, for comparison: the certified radius of the *smoothed* classifier.

g(x) = sign of the majority of f(x + η), η ~ N(0, σ² I). If y wins with probability at least p > ½, then g predicts y
for every ‖δ‖₂ < σ Φ⁻¹(p). It is another classifier than sign f: its certificate says nothing about f itself.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from scipy import stats

from purifyjax.errors import require
from purifyjax.margins import Margin, MarginOf, Params


class Smoothed(NamedTuple):
    """Of every point.

    Attributes:
      radius: ℓ2 radius in which the smoothed classifier provably predicts y, with the stated confidence; 0 if none.
      wins, draws: how often y won, and of how many.
    """

    radius: Float[np.ndarray, " n"]
    wins: np.ndarray
    draws: int


def smoothed_radius(
    key: PRNGKeyArray,
    margin_of: MarginOf,
    params: Params,
    x: Float[Array, "n dim"],
    y: Float[Array, " n"],
    std: float,
    *,
    draws: int = 1000,
    confidence: float = 0.999,
) -> Smoothed:
    """σ Φ⁻¹(p̲) with p̲ the one-sided Clopper–Pearson bound of y's share at that confidence, a point.

    Raises:
      ConfigError: a standard deviation, count or confidence out of range.

    Source: Cohen, Rosenfeld & Kolter (arXiv 1902.02918), section 3; here the label is given, so that no draws are
    spent on selecting a class.
    """
    require(std > 0, "std σ", std, "σ > 0")
    require(draws >= 1, "draws", draws, "at least 1")
    require(0 < confidence < 1, "confidence", confidence, "strictly between 0 and 1")
    wins = np.asarray(_wins(margin_of)(key, params, x, y, jnp.float32(std), jnp.arange(draws)))
    low = np.where(wins > 0, stats.beta.ppf(1 - confidence, np.maximum(wins, 1), draws - wins + 1), 0.0)
    return Smoothed(std * np.maximum(stats.norm.ppf(np.maximum(low, 0.5)), 0.0), wins, draws)


@cache
def _wins(margin_of: MarginOf):
    @jax.jit
    def count(key, params, x, y, std, draws):
        margin: Margin = margin_of(params)

        def one(total, index):
            noise = std * jax.random.normal(jax.random.fold_in(key, index), x.shape)
            return total + (margin(x + noise, y) > 0), None

        return jax.lax.scan(one, jnp.zeros(len(y), jnp.int32), draws)[0]

    return count

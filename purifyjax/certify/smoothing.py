"""Randomised smoothing, for comparison: the certified radius of the *smoothed* classifier.

g(x) = sign of the majority of f(x + η), η ~ N(0, σ² I). If y wins with probability at least p > ½, then g predicts y
for every ‖δ‖₂ < σ Φ⁻¹(p). It is another classifier than sign f: its certificate says nothing about f itself.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Array, Float, PRNGKeyArray

from purifyjax.errors import require, require_count, require_real
from purifyjax.margins import MarginOf, Params, require_labels, require_one_a_point, require_points
from purifyjax.modes import typed
from purifyjax.programs import program
from purifyjax.settings import require_confidence


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
      ConfigError: a standard deviation, count or confidence out of range, points that are not rows with a label each,
        or labels that are not the margin's.

    Source: Cohen, Rosenfeld & Kolter (arXiv 1902.02918), section 3; here the label is given, so that no draws are
    spent on selecting a class.
    """
    require_real("std σ", std, "σ > 0, finite", lambda value: value > 0)
    require(np.ndim(std) == 0, "std σ", std, "one number")
    key = typed(key)
    require(key.ndim == 0, "shape of the key", key.shape, "one key")
    require_count("draws", draws)
    require_confidence(confidence)
    require_points(x, y)
    margin = margin_of(params)
    require_labels(y, margin(x, y), lambda labels: margin(x, labels))
    wins = np.asarray(
        program(_wins, margin_of=margin_of)(key, params, x, y, jnp.asarray(std, x.dtype), jnp.arange(draws))
    )
    low = np.where(wins > 0, scipy.stats.beta.ppf(1 - confidence, np.maximum(wins, 1), draws - wins + 1), 0.0)
    return Smoothed(std * np.maximum(scipy.stats.norm.ppf(np.maximum(low, 0.5)), 0.0), wins, draws)


def _wins(key, params, x, y, std, draws, margin_of: MarginOf):
    margin = margin_of(params)

    def one(total, index):
        noise = std * jax.random.normal(jax.random.fold_in(key, index), x.shape, x.dtype)
        value = margin(x + noise, y)
        require_one_a_point(value, y)
        return total + (value > 0), None

    return jax.lax.scan(one, jnp.zeros(len(y), jnp.int32), draws)[0]

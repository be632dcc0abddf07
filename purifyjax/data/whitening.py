"""Linear maps under which rows have the identity for a covariance: the axes of largest variance, scaled."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from purifyjax.errors import require


class Whitening(NamedTuple):
    """The two linear maps of the preprocessing, from pixels and between whitened patches."""

    first: Float[np.ndarray, "pixel dim"]
    second: Float[np.ndarray, "dim dim"]


def whitening_of(patches: Float[np.ndarray, "n pixel"], dimension: int) -> Whitening:
    """The maps of patches of mean 0.

    Raises:
      ConfigError: the patches vary in fewer dimensions.
    """
    first = _axes(patches, dimension)
    return Whitening(first, _axes(_unit(patches @ first), dimension))


def _axes(rows: Float[np.ndarray, "n from"], dimension: int) -> Float[np.ndarray, "from dim"]:
    """The axes of largest variance, each divided by its standard deviation (principal components about 0)."""
    variance, axes = np.linalg.eigh(rows.T.astype(np.float64) @ rows / len(rows))
    order = np.argsort(-variance)[:dimension]
    least = variance[order[-1]]
    require(least > 1e-7 * variance.max(), "atoms d", dimension, "at most the dimensions that the patches vary in")
    return (axes[:, order] / np.sqrt(variance[order])).astype(np.float32)


def _unit(rows: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, "n dim"]:
    """Rows of length √d."""
    return rows * (math.sqrt(rows.shape[1]) / np.linalg.norm(rows, axis=1, keepdims=True))


def whitened(patches: Float[np.ndarray, "n pixel"], whitening: Whitening) -> Float[np.ndarray, "n dim"]:
    """Whitened patches, from ones of mean 0; their contrast has no effect."""
    return _unit(patches @ whitening.first) @ whitening.second

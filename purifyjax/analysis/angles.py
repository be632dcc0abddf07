"""Angles between filters before and after training."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from purifyjax.errors import require
from purifyjax.settings import real_array


def angles(a: ArrayLike, b: ArrayLike) -> Float[np.ndarray, "*n"]:
    """θ(a, b) = arccos(⟨a, b⟩/(‖a‖ ‖b‖)) of matching rows, in degrees from 0 to 180, in float64.

    Signed: opposite filters are at 180°. Below 45° the least-squares part β b of a is larger than what it leaves,
    ‖β b‖ > ‖a − β b‖. Two random directions of R^d are at 90° ± 57°/√d. A zero filter has no direction; its angle is
    that of cosine 0, 90°, as in `absolute_cosine`. A filter with an entry that is not finite has an angle of NaN.

    Args:
      a, b: filters in rows [*n, dim], of one shape.

    Raises:
      ConfigError: arrays of different shapes, without an axis, or of anything but real numbers.

    Source: Kahan, How Futile Are Mindless Assessments of Roundoff in Floating-Point Computation? (2006), for
    2 arctan(‖â − b̂‖/‖â + b̂‖), which unlike arccos keeps its digits near 0° and 180°.
    """
    first, second = real_array("a", a), real_array("b", b)
    require(first.ndim >= 1, "filters", a, "rows of numbers")
    require(first.shape == second.shape, "shapes of the filters", (first.shape, second.shape), "the same for both")
    with np.errstate(invalid="ignore"):
        one, other = _unit(first), _unit(second)
        halves = np.linalg.norm(one - other, axis=-1), np.linalg.norm(one + other, axis=-1)
    # A zero filter leaves both norms equal, hence 90°; two of them leave nothing.
    nothing = ~(first.any(axis=-1) | second.any(axis=-1))
    return np.where(nothing, 90.0, np.degrees(2.0 * np.arctan2(*halves)))


def _unit(rows: Float[np.ndarray, "*n dim"]) -> Float[np.ndarray, "*n dim"]:
    """Rows over their norms, zero rows left as they are."""
    # In units of the largest entry, whose squares neither overflow nor vanish.
    largest = np.max(np.abs(rows), axis=-1, keepdims=True, initial=0.0)
    scaled = rows / np.where(largest > 0, largest, 1.0)
    norms = np.linalg.norm(scaled, axis=-1, keepdims=True)
    return scaled / np.where(norms > 0, norms, 1.0)

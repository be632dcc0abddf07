"""The race of the features of patch data: which strength wins, and what robustness asks of it."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Array, Float

from purifyjax.errors import require, require_count, require_real
from purifyjax.settings import not_negative, positive, real_array

_HUGE = 1e300  # stands for infinity where infinities are subtracted


def critical_strength(
    radius: float | Float[Array, "*s"],
    robust_strength: float,
    robust_patches: int,
    nonrobust_patches: int,
    exponent: float,
) -> float | Float[Array, "*s"]:
    """β at which P_NR (β − ε)₊^q = P_R (α − ε)^q: ε + (P_R/P_NR)^{1/q} (α − ε).

    A feature of strength s in n patches grows in a filter as n s^q ⟨w, feature⟩^{q−1}, so that the feature with the
    larger n s^q leaves the other behind; an adversary of radius ε in every patch takes ε off both strengths. Derived
    for data without noise, from Li & Li (arXiv 2410.08503): ε = 0 is their condition.

    Args:
      radius: ε < α.
      robust_strength: α.
      robust_patches, nonrobust_patches: P_R and P_NR.
      exponent: q.

    Raises:
      ConfigError: a strength, count or exponent that is not positive, or a radius below 0.
    """
    _validate(radius, robust_strength, robust_patches, nonrobust_patches, exponent)
    return radius + (robust_patches / nonrobust_patches) ** (1.0 / exponent) * (robust_strength - radius)


def injection_ratio(
    radius: float, robust_strength: float, robust_patches: int, nonrobust_patches: int, exponent: float
) -> float:
    """P_NR ε^q / (P_R (α − ε)^q): below 1 a network of pure robust features withstands another class's, put everywhere.

    The adversary adds ε u_c to the P_NR patches that carry no robust feature, where the filters of c answer as ε^q,
    against (α − ε)^q in the P_R others, as long as the network stays below its knee. With ε > β, P_NR β^q > P_R α^q
    makes this ratio larger than 1: without noise, robustness and the preference for the non-robust feature exclude
    one another.

    Raises:
      ConfigError: as of `critical_strength`, or a radius that is not below α.
    """
    _validate(radius, robust_strength, robust_patches, nonrobust_patches, exponent)
    require_real("radius ε", radius, f"ε < α = {robust_strength}", lambda x: x < robust_strength)
    return nonrobust_patches * radius**exponent / (robust_patches * (robust_strength - radius) ** exponent)


def crossing(strength: np.ndarray, log_ratio: np.ndarray) -> float:
    """The β at which ln(non-robust / robust alignment) first passes from ≤ 0 to > 0, by linear interpolation.

    What was not measured (NaN) is left out. An infinite value, of a feature that was not learned at all, pulls the
    crossing to the strength of the finite one beside it, and half-way if both are infinite.

    Args:
      strength: β, in any order.
      log_ratio: at each strength.

    Returns:
      β, or NaN if there is no such change.

    Raises:
      ConfigError: strengths that are not finite, or not one a ratio.
    """
    strength, log_ratio = real_array("strength", strength), real_array("log_ratio", log_ratio)
    require_real("strength β", strength, "finite numbers")
    shapes = (strength.shape, log_ratio.shape)
    require(strength.ndim == 1 and strength.shape == log_ratio.shape, "shapes", shapes, "lists of one length")
    known = np.argsort(strength)
    known = known[~np.isnan(log_ratio[known])]
    beta, ratio = strength[known], np.clip(log_ratio[known], -_HUGE, _HUGE)
    changes = np.flatnonzero((ratio[:-1] <= 0) & (ratio[1:] > 0))
    if not changes.size:
        return math.nan
    i = changes[0]
    return float(beta[i] + (beta[i + 1] - beta[i]) * ratio[i] / (ratio[i] - ratio[i + 1]))


def _validate(radius, robust_strength, robust_patches, nonrobust_patches, exponent) -> None:
    require_real("radius ε", radius, "ε ≥ 0", not_negative)
    require_real("robust_strength α", robust_strength, "α > 0", positive)
    require_real("exponent q", exponent, "q > 0", positive)
    require_count("robust_patches P_R", robust_patches)
    require_count("nonrobust_patches P_NR", nonrobust_patches)

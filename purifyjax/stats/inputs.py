"""What intervals are made from: values without NaN, counts of one shape, and the tail of a confidence."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from purifyjax.errors import ConfigError
from purifyjax.settings import real_array, require_confidence

FloatArray = NDArray[np.float64]


def tail_of(confidence: float) -> float:
    """Probability left out on each side."""
    require_confidence(confidence)
    return (1 - confidence) / 2


def flat_values(values: ArrayLike) -> FloatArray:
    """The values as one row, NaN refused."""
    array = real_array("values", values).ravel()
    if np.isnan(array).any():
        raise ConfigError("values must not contain NaN")
    return array


def same_shape(**counts: ArrayLike) -> tuple[FloatArray, ...]:
    """The counts as arrays of one shape."""
    arrays = [real_array(name, values) for name, values in counts.items()]
    try:
        return tuple(np.broadcast_arrays(*arrays))
    except ValueError as error:
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise ConfigError(f"{', '.join(counts)} must be of one shape, got {shapes}") from error

"""What every attack asks of its inputs, and what it says of a start without a gradient."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from jax.core import Tracer

from purifyjax.errors import require
from purifyjax.margins import Margin, blind, require_labels, require_one_a_point, require_points


def checked(margin: Margin, x: Any, y: Any, *, gradients: bool = True) -> None:
    """Refuse points, labels or margins that an attack would misread; warn of starts without a gradient.

    Shapes are checked always. Values are where they are concrete: not inside `jax.jit`, where `worst_case` looks
    beforehand.

    Args:
      gradients: whether the attack starts with the margin's gradient.

    Raises:
      ConfigError: x is not rows [n, dim], y not one label a point, the margin not one number a point, or labels are 0
        where the margin is y f(x).

    Warns:
      UserWarning: the gradient is exactly zero, or not finite, at some points.
    """
    require(callable(margin), "margin", margin, "(x, y) -> margins")
    require_points(x, y)
    if isinstance(x, Tracer) or isinstance(y, Tracer):
        return
    value = margin(x, y)
    require_one_a_point(value, y)
    if isinstance(value, Tracer):  # of a net whose parameters are traced
        return
    require_labels(y, value, lambda labels: margin(x, labels))
    if gradients and len(y):
        count = int(np.sum(blind(margin, x, y)))
        if count:
            warnings.warn(
                f"the gradient is zero or not finite at {count} of {len(y)} points: gradient attacks start blind there",
                stacklevel=3,
            )

"""The one error that a user can cause, a setting outside its range, and the checks that raise it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_LONGEST = 400  # of a value, in a message

# jax is imported where numbers are looked at: a command line that is refused does not wait for it.


class ConfigError(ValueError):
    """A setting is not usable; the message is one sentence with the field, its value and what is allowed."""


def require(condition: Any, field: str, value: Any, allowed: str) -> None:
    """Raise `ConfigError` "field = value: allowed" unless `condition` holds."""
    if not condition:
        shown = " ".join(repr(value).split())  # arrays take several lines
        shown = shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
        raise ConfigError(f"{field} = {shown} is not allowed: {allowed}")


def concrete(value: Any) -> np.ndarray | None:
    """The numbers of a value, None where there are none to look at: traced, or a placeholder of a pytree."""
    import jax
    from jax.core import Tracer

    if isinstance(value, Tracer):
        return None
    if isinstance(value, bool | int | float | np.number | np.ndarray | jax.Array):
        return None if isinstance(value, jax.Array) and not value.is_fully_addressable else np.asarray(value)
    return None


def require_count(field: str, value: Any, least: int = 1) -> None:
    """Raise `ConfigError` unless `value` is a whole number, of Python or numpy, not below `least`."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool | np.bool_)
    require(whole and value >= least, field, value, f"a whole number, at least {least}")


def require_real(
    field: str, value: Any, allowed: str, holds: Callable[[np.ndarray], Any] = np.isfinite, *, infinite: bool = False
) -> None:
    """Raise `ConfigError` unless `value` is a real number, or an array of them, that are all finite and as `allowed`.

    Traced values are not looked at, nor are the placeholders that pytrees are mapped to. None is no number.

    Args:
      holds: of an array of numbers, which are allowed.
      infinite: whether infinity may be allowed.
    """
    import jax
    from jax.core import Tracer

    numbers = concrete(value)
    if numbers is None:
        unseen = isinstance(value, jax.Array | Tracer | jax.ShapeDtypeStruct) or type(value) is object
        require(unseen, field, value, allowed)
        return
    # Of jax.numpy, which knows bfloat16; truth values are neither.
    real = any(jax.numpy.issubdtype(numbers.dtype, kind) for kind in (np.integer, np.floating))
    require(real, field, value, allowed)
    with np.errstate(invalid="ignore"):  # comparisons with NaN
        fine = np.all(holds(numbers)) and not np.any(np.isnan(numbers)) and (infinite or np.all(np.isfinite(numbers)))
    require(fine, field, value, allowed)

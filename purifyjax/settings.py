"""What the fields of a config may hold, said once: for its constructor and for its `validate`.

JAX calls constructors of pytrees with whatever it maps leaves to: traced values, arrays, axes, None, placeholders. A
constructor looks at static fields, and of the others at floats alone; `validate` looks at all numbers that are there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from purifyjax.errors import ConfigError, require, require_count, require_real

_LARGEST = 1e37  # so that a few standard deviations of it are finite in float32
_LEAST = float(np.finfo(np.float32).tiny)  # of what must not be 0: smaller numbers count as 0 in float32


def positive(x: np.ndarray) -> Any:
    """x > 0, also in float32."""
    return x >= _LEAST


def not_negative(x: np.ndarray) -> Any:
    """x ≥ 0."""
    return x >= 0


def whole(x: np.ndarray) -> Any:
    """x = 0, 1, …"""
    return (x >= 0) & (x == np.round(x))


def share(x: np.ndarray) -> Any:
    """0 ≤ x < 1, also in float32."""
    return (x >= 0) & (np.float32(x) < 1)


@dataclass(frozen=True)
class Count:
    """A static whole number.

    Attributes:
      symbol: of the field, in messages.
      least, most: that are allowed.
      optional: whether None is, too.
    """

    symbol: str = ""
    least: int = 1
    most: int | None = None
    optional: bool = False

    def check(self, field: str, value: Any) -> None:
        """Raise `ConfigError` unless the value is allowed."""
        if value is not None or not self.optional:
            self._require(field, value)

    check_made = check

    def _require(self, field: str, value: Any) -> None:
        require_count(field, value, self.least)
        if self.most is not None:
            require(value <= self.most, field, value, f"a whole number, at most {self.most}")


@dataclass(frozen=True)
class Choice:
    """A static name, one of a few."""

    names: tuple[str, ...]
    symbol: str = ""

    def check(self, field: str, value: Any) -> None:
        """Raise `ConfigError` unless the value is allowed."""
        *others, last = self.names
        require(isinstance(value, str) and value in self.names, field, value, f"{', '.join(others)} or {last}")

    check_made = check


@dataclass(frozen=True)
class Real:
    """A real number, or an array of them where the field is traced.

    Attributes:
      allowed, holds: which are, in words and of an array.
      symbol: of the field, in messages.
      optional: whether None is allowed.
      infinite: whether infinity is.
      static: whether the field decides programs, and so is a plain number.
    """

    allowed: str
    holds: Callable[[np.ndarray], Any]
    symbol: str = ""
    optional: bool = False
    infinite: bool = False
    static: bool = False

    def check(self, field: str, value: Any) -> None:
        """Raise `ConfigError` unless the value is allowed."""
        if value is None and self.optional:
            return
        plain = isinstance(value, int | float | np.integer | np.floating)
        require(plain or not self.static, field, value, self.allowed)
        self._require(field, value, self.holds)

    def check_made(self, field: str, value: Any) -> None:
        """The same of a new config: a traced field is not finite, or negative, in no pytree that means anything."""
        if self.static:
            self.check(field, value)
        elif isinstance(value, float | np.floating):
            self._require(field, value, not_negative)

    def _require(self, field: str, value: Any, holds: Callable[[np.ndarray], Any]) -> None:
        def within(x: np.ndarray) -> Any:
            return holds(x) & ((x <= _LARGEST) | (self.infinite & np.isinf(x)))

        require_real(field, value, f"{self.allowed}, and at most {_LARGEST:g}", within, infinite=self.infinite)


@dataclass(frozen=True)
class Checked:
    """A static field with a check of its own, (field, value) -> None."""

    check: Callable[[str, Any], None]
    symbol: str = ""

    @property
    def check_made(self) -> Callable[[str, Any], None]:
        """The same."""
        return self.check


Setting = Count | Choice | Real | Checked
SEED = Count(least=0, most=2**32 - 1)  # what JAX takes for the same seed whether 64-bit types are enabled or not


def _require_truth(field: str, value: Any) -> None:
    require(isinstance(value, bool | np.bool_), field, value, "True or False")


TRUTH = Checked(_require_truth)


def require_settings(config: Any, settings: Mapping[str, Setting], where: str = "", *, made: bool = False) -> None:
    """Raise `ConfigError` "where field symbol = value …" for the first field that does not hold what it may.

    Args:
      settings: by field.
      where: the place of the config in a larger one, before the field's name.
      made: whether the config is only being made, perhaps by JAX.
    """
    for name, setting in settings.items():
        field = f"{where}{name} {setting.symbol}".rstrip()
        (setting.check_made if made else setting.check)(field, getattr(config, name))


def require_confidence(value: Any) -> None:
    """Raise `ConfigError` unless it is one number inside (0, 1)."""
    require_real("confidence", value, "a number inside (0, 1)", lambda share: (share > 0) & (share < 1))
    require(np.ndim(value) == 0, "confidence", value, "one number")


def real_array(field: str, values: Any) -> NDArray[np.float64]:
    """Real numbers in float64, NaN and infinity among them.

    Raises:
      ConfigError: anything else, such as text or lists of unequal lengths.
    """
    try:
        array = np.asarray(values)
        real = array.dtype.kind in "biuf" or jnp.issubdtype(array.dtype, np.floating)
        real = real or all(isinstance(value, int) for value in array.ravel())  # those too large for 64 bits
        require(real, field, values, "real numbers")
        return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ConfigError(f"{field} = {values!r} is not allowed: real numbers") from error

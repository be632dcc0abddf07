"""The one error that a user can cause: a setting outside its range."""

from __future__ import annotations

from typing import Any


class ConfigError(ValueError):
    """A setting is not usable; the message is one sentence with the field, its value and what is allowed."""


def require(condition: Any, field: str, value: Any, allowed: str) -> None:
    """Raise `ConfigError` "field = value: allowed" unless `condition` holds."""
    if not condition:
        raise ConfigError(f"{field} = {value!r} is not allowed: {allowed}")

"""The worst case, or no measurement at all."""

from __future__ import annotations

from typing import Any

from purifyjax import attacks
from purifyjax.attacks import WorstCase
from purifyjax.errors import ConfigError
from theory_checks.spans import span


@span("attack")
def worst_case(*given: Any, **options: Any) -> WorstCase:
    """`purifyjax.attacks.worst_case`, where it is known of every point whether it stands.

    Raises:
      ConfigError: an attack left the ball at points that no other one breaks. Neither counting them as standing nor as
        broken would be the truth, and either could make a claim hold.
    """
    found = attacks.worst_case(*given, **options)
    if found.void.any():
        left = "; ".join(text for text in found.warnings if "left the ball" in text)
        raise ConfigError(
            f"the measurement is void: {left}, and no other attack breaks {int(found.void.sum())} of them"
        )
    return found

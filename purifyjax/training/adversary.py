"""The inner maximisation of adversarial training is any attack; None trains on the points as they are."""

from __future__ import annotations

from typing import Any

from purifyjax.attacks import Attack
from purifyjax.errors import require

Adversary = Attack | None


def require_adversary(where: str, adversary: Any) -> None:
    """Raise `ConfigError` unless it is an attack or None."""
    allowed = "an attack such as FGM() or PGD.for_training(steps=7), or None"
    require(adversary is None or isinstance(adversary, Attack), where, adversary, allowed)

"""The inner maximisation of adversarial training is any attack; None trains on the points as they are."""

from __future__ import annotations

from typing import Any, get_args

from purifyjax.attacks import Attack
from purifyjax.balls import Norm
from purifyjax.errors import require
from purifyjax.settings import Choice, Count, Real, Setting, not_negative

Adversary = Attack | None

# Of the ball of its perturbations.
BALL: dict[str, Setting] = {
    "radius": Real("τ ≥ 0", not_negative, "τ"),
    "norm": Choice(get_args(Norm)),
    "parts": Count("of the ball"),
}


def require_adversary(where: str, adversary: Any) -> None:
    """Raise `ConfigError` unless it is an attack or None."""
    allowed = "an attack such as FGM() or PGD.for_training(steps=7), or None"
    require(adversary is None or isinstance(adversary, Attack), where, adversary, allowed)

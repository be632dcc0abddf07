"""The inner maximisation of adversarial training."""

from __future__ import annotations

from jaxtyping import Array, Float, PRNGKeyArray

from purifyjax.attacks import Ball
from purifyjax.attacks.gradient import Margin, descent


def perturbation(
    key: PRNGKeyArray,
    margin: Margin,
    x: Float[Array, "n dim"],
    y: Float[Array, " n"],
    ball: Ball,
    adversary: str,
    steps: int,
) -> Float[Array, "n dim"]:
    """One steepest step ("fgm"), or `steps` projected steps from a random start ("pgd")."""
    if adversary == "fgm":
        return ball.steepest(descent(margin, x, y))
    delta = ball.interior(key, x.shape)
    for _ in range(steps):
        step = ball.steepest(descent(margin, x + delta, y))
        delta = ball.project(delta + (2.0 / steps) * step)
    return delta

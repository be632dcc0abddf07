"""The inner maximisation of adversarial training."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from purifyjax.attacks import Ball, distant_start
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
    """The adversary's perturbations of a batch.

    "fgm" is one steepest step; "pgd" `steps` projected steps from a random start; "distant" the same, but every other
    point starts from `distant_start`, which finds what neurons hide that are silent at x: a net trained against
    PGD alone learns to be silent there.
    """
    if adversary == "fgm":
        return ball.steepest(descent(margin, x, y))
    delta = ball.interior(key, x.shape)
    if adversary == "distant":
        far = distant_start(key, margin, x, y, ball)
        delta = jnp.where((jnp.arange(len(x)) % 2 == 0)[:, None], far, delta)
    for _ in range(steps):
        step = ball.steepest(descent(margin, x + delta, y))
        delta = ball.project(delta + (2.0 / steps) * step)
    return delta

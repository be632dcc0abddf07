"""Signs that an evaluation cannot be trusted, in words (after AutoAttack's checks, arXiv 2003.01690)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from purifyjax.attacks.gradient import margin_and_descent

FLAT_SHARE = 0.01  # of points without a gradient, beyond which there is a warning
SAME = 1e-4  # relative difference of two evaluations of a margin; rounding in another order is far below


def start_warnings(
    margin_of: Callable,
    params,
    x: Float[Array, "seed n dim"],
    y: Float[Array, "seed n"],
    clean: Float[np.ndarray, "seed n"],
    standing: Bool[np.ndarray, "seed n"],
) -> list[str]:
    """Warnings about the margin at unperturbed points: another value at a second evaluation, zero gradients.

    Args:
      clean: the first evaluation.
      standing: the points that are attacked; only their gradients count.
    """
    again, flat = (np.asarray(a) for a in _again(margin_of)(params, x, y))
    warnings = []
    change = np.abs(again - clean)
    if np.any(change > SAME * np.maximum(np.abs(clean), np.abs(again))):
        warnings.append(
            f"the margin is not deterministic: a second evaluation differs by up to {np.nanmax(change):.2g}; "
            "average it over fixed draws"
        )
    share = flat[standing].mean() if standing.any() else 0.0
    if share > FLAT_SHARE:
        warnings.append(
            f"the gradient is exactly zero at {share:.1%} of the points: gradient attacks start blind there"
        )
    return warnings


def attack_warnings(
    names: Sequence[str],
    broken_by: np.ndarray,
    gradient_free: frozenset[str],
    excess: Mapping[str, tuple[int, float]],
) -> list[str]:
    """Warnings about what the attacks did: masked gradients, perturbations outside the ball.

    Args:
      broken_by: index of the attack that broke each point, −1 if none.
      gradient_free: names of the attacks that use no gradient.
      excess: name -> number of perturbations outside the ball and the worst ‖δ‖/τ − 1.
    """
    warnings, gradient = [], []
    for name, count in winners(broken_by, names).items():
        if name not in gradient_free:
            gradient.append(name)
        elif gradient and count:
            warnings.append(
                f"{name} uses no gradient and broke {count} points that {', '.join(gradient)} left standing: "
                "gradients may be masked"
            )
    for name, (count, worst) in excess.items():
        if count:
            warnings.append(
                f"{name} left the ball at {count} points, which do not count: worst ‖δ‖/τ − 1 = {worst:.2g}"
            )
    return warnings


def winners(broken_by: np.ndarray, names: Sequence[str]) -> dict[str, int]:
    """How many points each attack broke, in the attacks' order."""
    return {name: int(np.sum(broken_by == index)) for index, name in enumerate(names)}


@cache
def _again(margin_of: Callable):
    """jit of the margin and of whether its gradient is zero, over a leading seed axis.

    It is traced apart from the first evaluation, so that randomness fixed at the trace shows too.
    """

    def one(args):
        params, x, y = args
        value, direction = margin_and_descent(margin_of(params), x, y)
        return value, jnp.all(direction == 0, axis=-1)

    return jax.jit(lambda params, x, y: jax.lax.map(one, (params, x, y)))

"""A ready evaluation for `worst_case`."""

from __future__ import annotations

from jaxtyping import Array, Float

from purifyjax.attacks.apgd import APGD
from purifyjax.attacks.attack import Attack
from purifyjax.attacks.directions import Along, Noise
from purifyjax.attacks.gradient import FGM
from purifyjax.attacks.square import Square
from purifyjax.errors import require_count


def standard(
    direction: Float[Array, " dim"] | None = None, *, steps: int = 15, restarts: int = 8, queries: int = 100
) -> tuple[Attack, ...]:
    """Noise, the universal direction if one is given, FGM, APGD, and the square attack: the cheap ones first.

    APGD converges within some fifteen steps on two-layer nets, whose local minima are many: restarts, above all the
    distant ones, find more than steps do. "apgd" is one start, "apgd-restarts" all of them on what it leaves.
    The square attack tells whether gradients are masked; it exists for ℓ2 and ℓ∞ only.

    Args:
      direction: of "universal".
      steps, restarts: of APGD; no "apgd-restarts" for one start.
      queries: of the square attack; none for 0.

    Raises:
      ConfigError: counts out of range, or a direction that is not a row of finite numbers.
    """
    require_count("restarts", restarts)
    require_count("queries", queries, 0)
    suite: list[Attack] = [Noise()]
    if direction is not None:
        suite.append(Along(direction))
    suite += [FGM(), APGD(steps=steps)]
    if restarts > 1:
        suite.append(APGD(steps=steps, restarts=restarts, name="apgd-restarts"))
    if queries > 0:
        suite.append(Square(queries=queries))
    return tuple(suite)

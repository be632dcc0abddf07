"""A ready evaluation for `worst_case`."""

from __future__ import annotations

from jaxtyping import Array, Float

from purifyjax.attacks.apgd import APGD
from purifyjax.attacks.attack import Attack
from purifyjax.attacks.directions import Along, Noise
from purifyjax.attacks.gradient import FGM
from purifyjax.attacks.profiles import CoordinateProfiles
from purifyjax.attacks.square import Square
from purifyjax.errors import require_count


def standard(
    direction: Float[Array, " dim"] | None = None,
    *,
    steps: int = 15,
    restarts: int = 8,
    queries: int = 100,
    profiles: CoordinateProfiles | None = None,
) -> tuple[Attack, ...]:
    """Noise, the universal direction if one is given, FGM, APGD, the square attack, and profiles: the cheap ones first.

    APGD converges within some fifteen steps on two-layer nets, whose local minima are many: restarts, above all the
    distant ones, find more than steps do. "apgd" is one start, "apgd-restarts" all others on what it leaves.
    The square attack tells whether gradients are masked; it exists for ℓ2 and ℓ∞ only. Profiles know where the net has
    its kinks: beyond the radius that a net was trained at they break points that all the others leave.

    Args:
      direction: of "universal".
      steps, restarts: of APGD; no "apgd-restarts" for one start.
      queries: of the square attack; none for 0.
      profiles: for `SymmetricReLU` nets, with the dictionary of the data.

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
        suite.append(APGD(steps=steps, restarts=restarts, first=1, name="apgd-restarts"))
    if queries > 0:
        suite.append(Square(queries=queries))
    if profiles is not None:
        suite.append(profiles)
    return tuple(suite)

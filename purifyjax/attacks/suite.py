"""A ready evaluation for `worst_case`."""

from __future__ import annotations

from functools import partial

from jaxtyping import Array, Float

from purifyjax.attacks.apgd import apgd
from purifyjax.attacks.directions import along, noise
from purifyjax.attacks.gradient import Attack, fgm
from purifyjax.attacks.square import square

GRADIENT_FREE = frozenset({"noise", "universal", "square"})


def standard(
    direction: Float[Array, " dim"] | None = None, *, steps: int = 15, restarts: int = 8, queries: int = 100
) -> dict[str, Attack]:
    """Noise, the universal direction if one is given, FGM, APGD, and the square attack: the cheap ones first.

    APGD converges within some fifteen steps on two-layer nets, whose local minima are many: restarts, above all the
    distant ones, find more than steps do. "apgd" is one start, "apgd-restarts" all of them on what it leaves.
    The square attack tells whether gradients are masked; pass `GRADIENT_FREE` to `worst_case`. It exists for ℓ2 and
    ℓ∞ only.

    Make the suite once and keep it: its attacks are new functions at every call, which compile anew.

    Args:
      direction: of "universal".
      steps, restarts: of APGD; no "apgd-restarts" for one start.
      queries: of the square attack; none for 0.
    """
    suite: dict[str, Attack] = {"noise": noise}
    if direction is not None:
        suite["universal"] = along(direction)
    suite |= {"fgm": fgm, "apgd": partial(apgd, steps=steps)}
    if restarts > 1:
        suite["apgd-restarts"] = partial(apgd, steps=steps, restarts=restarts)
    if queries > 0:
        suite["square"] = partial(square, queries=queries)
    return suite

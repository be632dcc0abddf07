"""Where theory puts the radii at a finite size, and whether a window between them is open.

The clean net's active neurons each carry a mixture; the universal direction shifts its output by
~ C k² τ/√d against a margin of up to ~3 standard deviations. The pure net {M_j} with thresholds
withstands √k τ ≲ 0.8 γ. Decomposition wants the mixture below the feature: C k/√d ≲ 0.8. These are this
project's derived scalings with prototype constants, not the paper's.
"""

from __future__ import annotations

from typing import NamedTuple


class Window(NamedTuple):
    """Predicted radii.

    Attributes:
      clean_breaks: radius at which < 1% of the clean net's points survive.
      robust_holds: radius up to which a pure net keeps 99%.
      mixture_limit: largest C that leaves ‖βw'‖ > ‖v‖.
    """

    clean_breaks: float
    robust_holds: float
    mixture_limit: float

    @property
    def is_open(self) -> bool:
        """Whether some radius breaks the clean net and leaves the robust one standing."""
        return self.clean_breaks <= self.robust_holds


def window(
    dimension: int, active: float, label_std: float, margin: float, mixture: float | None = None
) -> Window:
    """Predicted window.

    Args:
      active: expected ‖z‖₀ (a₁ + a₂k).
      label_std: standard deviation of ⟨w*, z⟩.
      margin: γ, in the same units.
      mixture: C of the clean net; None takes the largest that decomposition allows.
    """
    limit = 0.8 * dimension**0.5 / active
    c = limit if mixture is None else mixture
    reach = 2.6 * label_std / (c * active**2 / dimension**0.5)
    return Window(reach, 0.8 * margin / active**0.5, limit)

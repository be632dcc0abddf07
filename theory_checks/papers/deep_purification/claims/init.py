"""real-nets-init: filters of trained nets forget where they started."""

from theory_checks.claim import Claim
from theory_checks.papers.deep_purification.claims.hidden_angles import NETS, angles, note
from theory_checks.papers.deep_purification.figures import ANGLES, FILTERS

NEAR_RIGHT_ANGLE = 75.0  # degrees: the source says "near 90°" in words; the finite bound is ours

CLAIM = Claim(
    id="real-nets-init",
    title="Filters of trained nets forget where they started",
    statement="Filters after clean training, w, and after adversarial training, w′, are nearly orthogonal to w⁰.",
    refuted_by=f"a hidden layer whose mean angle to w⁰ is below {NEAR_RIGHT_ANGLE:g}° for every seed",
    measure=lambda e: (
        *angles(e, "init-clean", ">=", NEAR_RIGHT_ANGLE),
        *angles(e, "init-robust", ">=", NEAR_RIGHT_ANGLE),
    ),
    note=note,
    figures=(ANGLES, FILTERS),
    **NETS,
)

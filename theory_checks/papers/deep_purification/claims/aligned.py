"""real-nets-aligned: adversarial training purifies the clean filters, it does not replace them."""

from theory_checks.claim import Claim
from theory_checks.papers.deep_purification.claims.hidden_angles import ALIGNED, NETS, angles, note
from theory_checks.papers.deep_purification.figures import ANGLES, FILTERS, MAXIMISERS

CLAIM = Claim(
    id="real-nets-aligned",
    title="Adversarial training purifies the clean filters, it does not replace them",
    statement="Filters w′ after adversarial training from w stay well aligned with w: θ(w, w′) is small.",
    refuted_by=f"a hidden layer whose mean angle between w and w′ is above {ALIGNED:g}° for every seed",
    measure=lambda e: angles(e, "clean-robust", "<=", ALIGNED),
    note=note,
    figures=(ANGLES, FILTERS, MAXIMISERS),
    **NETS,
)

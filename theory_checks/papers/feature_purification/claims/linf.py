"""linf: the same theorem in ℓ∞, for a dictionary with small entries."""

import math

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.measuring.attacked import CERTIFICATES
from theory_checks.measuring.figures import RADIUS_CURVES
from theory_checks.measuring.findings import winners
from theory_checks.measuring.two_layer import SHOWS_99_PERCENT
from theory_checks.quantities import accuracy


def _note(evidence: Evidence) -> str:
    data, radius = evidence.config.training.data, evidence.config.radius
    d, k = data.dimension, data.sparsity
    table = evidence[CERTIFICATES]
    certified = ""
    if len(table):
        rows = table[table.method == "quadratic"]
        worst = (rows.certified / rows.points).groupby(rows.radius / radius).min()
        certified = "; certified: " + ", ".join(f"{share:.1%} at {factor:.3g} ε" for factor, share in worst.items())
    return (
        f"M is a random unitary matrix, with entries of order 1/√d = {1 / math.sqrt(d):.2g}. ε = {radius:.3g} "
        f"is k^{math.log(radius) / math.log(k):.2f}, in the derived window 1/k² = {1 / k**2:.2g} … "
        f"1/k = {1 / k:.2g}{certified}. {winners(evidence, 'robust')}"
    )


CLAIM = Claim(
    id="linf",
    title="Non-robust and robust nets in ℓ∞ as well",
    statement=(
        "For a dictionary with small entries, clean training is non-robust to ℓ∞ perturbations, and adversarial "
        "training with them reaches robust accuracy 1 − o(1) at the same radius."
    ),
    source=(
        "Allen-Zhu & Li, Feature Purification (arXiv 2005.10190), the ℓ∞ version of the main theorem; "
        "the window of radii is derived"
    ),
    refuted_by="clean net above 1% or robust net below 99% under ℓ∞ attacks of radius ε, for every seed",
    measure=lambda e: (
        accuracy(e, "clean", "none", ">=", 0.99),
        accuracy(e, "clean", "worst", "<=", 0.01),
        accuracy(e, "robust", "none", ">=", 0.99),
        accuracy(e, "robust", "worst", ">=", 0.99),
    ),
    experiment="linf",
    smallest_dimension=SHOWS_99_PERCENT,
    note=_note,
    figures=(RADIUS_CURVES,),
)

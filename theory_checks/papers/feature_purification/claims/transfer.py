"""transfer: what fools one clean net fools another, since the mixture is the data's and not the net's."""

import numpy as np
import pandas as pd

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.measuring.two_layer import SHOWS_FRAGILE
from theory_checks.papers.feature_purification.figures import TRANSFERS
from theory_checks.papers.feature_purification.tables import TRANSFER
from theory_checks.quantities import share
from theory_checks.verdict import Measurement


def _others(evidence: Evidence, net: str) -> pd.DataFrame:
    """Nets under perturbations that were found on another seed's."""
    table = evidence[TRANSFER]
    return table[(table.net == net) & (table.source != table.target)]


def _transferred(evidence: Evidence) -> tuple[Measurement, ...]:
    # For every target the source whose perturbations hurt it least.
    rows = _others(evidence, "clean").sort_values("correct").groupby("target").tail(1).sort_values("target")
    quantity = "accuracy of a clean net under the least harmful other seed's perturbations"
    return (share(quantity, "<=", 0.1, rows.target, rows.correct, rows.points),)


def _note(evidence: Evidence) -> str:
    if evidence[TRANSFER].empty:
        return "Transfer takes two seeds or more."
    robust, mixed = (_others(evidence, route) for route in ("robust", "clean to robust"))
    return (
        f"For contrast, robust nets keep {np.mean(robust.correct / robust.points):.1%} under perturbations found on "
        f"other robust nets, and {np.mean(mixed.correct / mixed.points):.1%} under those of other clean nets."
    )


CLAIM = Claim(
    id="transfer",
    title="Perturbations of one clean net fool the others",
    statement=(
        "Adversarial perturbations transfer between independently trained clean nets: the dense mixture that they "
        "use is a property of the data."
    ),
    source="derived from Allen-Zhu & Li, Feature Purification (arXiv 2005.10190), overview; 10% as the bound is ours",
    refuted_by="accuracy above 10% on a clean net under perturbations found on another, for every seed",
    measure=_transferred,
    # Another net's perturbations hurt no more than the net's own do.
    smallest_dimension=SHOWS_FRAGILE,
    note=_note,
    figures=(TRANSFERS,),
)

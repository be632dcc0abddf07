"""What the claims about simpler classes share: the best of a class, seed by seed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from theory_checks.evidence import Evidence
from theory_checks.papers.simpler_classes.tables import CLASSES
from theory_checks.quantities import share
from theory_checks.verdict import Measurement, Relation

BOUND = 0.6  # robust accuracy, ½ + o(1) in the theorem; the finite-size bound is ours


def at_radius(evidence: Evidence, *families: str) -> pd.DataFrame:
    """Models of the families at τ, a row a seed and model."""
    table = evidence[CLASSES]
    return table[table.family.isin(families) & np.isclose(table.radius, evidence.config.radius)]


def best(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """The row with most points in a column, a seed."""
    return rows.sort_values(column, kind="stable").groupby("seed").tail(1).sort_values("seed")


def best_robust(
    evidence: Evidence, families: tuple[str, ...], relation: Relation = "<=", bound: float = BOUND
) -> Measurement:
    """Robust accuracy of each seed's most robust model, its interval that of a single model."""
    rows = best(at_radius(evidence, *families), "robust")
    quantity = f"best robust accuracy found at τ = {evidence.config.radius:.4g}, {' or '.join(families)}"
    return share(quantity, relation, bound, rows.seed, rows.robust, rows.points)


def search_note(evidence: Evidence, *families: str) -> str:
    """How hard the classes were searched, what won, how accurate they are unattacked, and the net beside them."""
    rows = at_radius(evidence, *families)
    won = best(rows, "robust").iloc[-1]
    learned = rows[(rows.clean / rows.points) >= 0.99]
    accurate = (learned.robust / learned.points).max() if len(learned) else np.nan
    fitted = rows[rows["drop"].notna()]
    settled = f", {fitted.converged.astype(bool).mean():.0%} of them converged" if len(fitted) else ""
    relu = at_radius(evidence, "ReLU net")
    return (
        f"Best found, not a bound: {rows.groupby(['model', 'training', 'rate'], dropna=False).ngroups} models a seed"
        f"{settled}; the winner is {won.model} ({won.training}), with clean accuracy {won.clean / won.points:.1%}. "
        f"Models with clean accuracy of 99% reach at most {accurate:.1%}. The adversarially trained ReLU net has "
        f"{(relu.robust / relu.points).mean():.1%} on the same points."
    )

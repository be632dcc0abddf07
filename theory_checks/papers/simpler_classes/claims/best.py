"""What the claims about simpler classes share: the best of a class, seed by seed, and how hard it was searched."""

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


def by_value(rows: pd.DataFrame, column: str, counted: str = "robust", *, nested: bool = False) -> dict[float, float]:
    """For every value of a column the best share of points among its models, mean over seeds.

    Args:
      nested: a value's class holds those of the values below.
    """
    shares = (rows[counted] / rows.points).groupby([rows.seed, rows[column]]).max().unstack(column)
    means = (shares.cummax(axis=1) if nested else shares).mean().dropna()
    return dict(zip(means.index.to_numpy(np.float64).tolist(), means.tolist(), strict=True))


def search_note(evidence: Evidence, *families: str) -> str:
    """How hard the classes were searched, what won, how accurate they are unattacked, and the net beside them."""
    rows = at_radius(evidence, *families)
    won = best(rows, "robust").iloc[-1]
    learned = rows[(rows.clean / rows.points) >= 0.99]
    accurate = (learned.robust / learned.points).max() if len(learned) else np.nan
    relu = at_radius(evidence, "ReLU net")
    return (
        f"Best found, not a bound: {rows.groupby(['model', 'training', 'rate'], dropna=False).ngroups} models a seed"
        f"{_settled(rows)}; the winner is {won.model} ({won.training}), with clean accuracy "
        f"{won.clean / won.points:.1%}. "
        f"Models with clean accuracy of 99% reach at most {accurate:.1%}. The adversarially trained ReLU net has "
        f"{(relu.robust / relu.points).mean():.1%} on the same points."
    )


def _settled(rows: pd.DataFrame) -> str:
    """How many of the fits had converged: clean ones, whose data is separable, need not."""
    fitted = rows[rows["drop"].notna()]
    parts = []
    for name, some in (
        ("adversarial", fitted[fitted.training != "clean"]),
        ("clean", fitted[fitted.training == "clean"]),
    ):
        if len(some):
            parts.append(f"{some.converged.astype(bool).sum()} of the {len(some)} {name} fits")
    return f", {' and '.join(parts)} converged (their loss fell by less than 2% at the end)" if parts else ""

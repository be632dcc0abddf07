"""feature-race: where the non-robust feature overtakes the robust one, without an adversary and with one."""

from __future__ import annotations

from functools import partial

import numpy as np

from purifyjax.analysis.race import crossing
from purifyjax.stats import mean_interval
from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.papers.structured_data.figures import WINNER
from theory_checks.papers.structured_data.tables import RACE
from theory_checks.verdict import Measurement, SeedValue

AGREEMENT = 0.1  # relative; the derivation is one of orders, the bound is ours


def _agreement(evidence: Evidence) -> tuple[Measurement, ...]:
    """|measured/predicted − 1| at every radius: from the mean over seeds of the critical β, and its interval."""
    parts = []
    for radius, rows in evidence[RACE].groupby("radius"):
        found = np.array([crossing(r.strength.to_numpy(), r.log_ratio.to_numpy()) for _, r in rows.groupby("seed")])
        target = rows.predicted.iloc[0]
        value = SeedValue.of(None, abs(found.mean() / target - 1.0), partial(_error, found, target))
        quantity = f"measured β* = {found.mean():.3f} against {target:.3f} predicted at ε = {radius:g}: relative error"
        parts.append(Measurement(quantity, "<=", AGREEMENT, (value,)))
    return tuple(parts)


def _error(found: np.ndarray, target: float, confidence: float) -> tuple[float, float]:
    """The relative error over the interval of the mean; where that holds the prediction it reaches down to 0."""
    low, high = mean_interval(found, confidence) if np.isfinite(found).all() else (np.nan, np.nan)
    ends = np.abs(np.array([low, high]) / target - 1.0)
    return 0.0 if low <= target <= high else float(ends.min()), float(ends.max())


CLAIM = Claim(
    id="feature-race",
    title="The stronger of P β^q and P α^q wins the race",
    statement=(
        "Training favours the non-robust features if P_NR β^q ≫ P_R α^q; an adversary of radius ε in every patch "
        "takes ε off both strengths, and turns the race round."
    ),
    source="derived from Li & Li (arXiv 2410.08503); 10% as the bound is ours",
    refuted_by="a critical strength more than 10% off the predicted one, at some radius",
    measure=_agreement,
    experiment="race",
    note=lambda e: (
        f"Mean and Student interval over {len(e.seeds)} seeds of the β at which ⟨w, v⟩ overtakes ⟨w, u⟩; "
        "noiseless data, one-step adversary."
    ),
    figures=(WINNER,),
)

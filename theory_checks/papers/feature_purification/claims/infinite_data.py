"""infinite-data: neither overfitting, nor a missing regulariser, nor the optimiser is to blame."""

import pandas as pd

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.measuring.two_layer import SHOWS_99_PERCENT
from theory_checks.papers.feature_purification.figures import CLEAN_CURVES
from theory_checks.papers.feature_purification.samples import SAMPLE
from theory_checks.papers.feature_purification.tables import CLEAN_TRAININGS
from theory_checks.quantities import share
from theory_checks.verdict import Measurement


def _trainings(evidence: Evidence) -> list[tuple[str, str, pd.DataFrame]]:
    """Axis, name and rows by seed of every training, the default once."""
    table = evidence[CLEAN_TRAININGS]
    same = (table.axis != SAMPLE) & table.training.isin(("default", "heavy ball"))
    return [(*map(str, key), rows) for key, rows in table[~same].groupby(["axis", "training"], sort=False)]  # pyright: ignore


def _however_trained(evidence: Evidence) -> tuple[Measurement, ...]:
    parts = []
    for axis, name, rows in _trainings(evidence):
        rows = rows.sort_values("seed")
        about = f"clean training, {axis}: {name}"
        parts.append(share(f"accuracy at τ, {about}", "<=", 0.01, rows.seed, rows.robust, rows.points))
        # A fixed sample may be learned by heart: then even clean accuracy is not claimed.
        if axis != SAMPLE or name == "fresh":
            parts.append(share(f"clean accuracy, {about}", ">=", 0.99, rows.seed, rows.clean, rows.points))
    return tuple(parts)


def _note(evidence: Evidence) -> str:
    told = [f"{name} {(rows.robust / rows.points).mean():.1%}" for _, name, rows in _trainings(evidence)]
    return f"Accuracy at τ: {', '.join(told)}. N: points of a fixed sample; λ: weight decay."


CLAIM = Claim(
    id="infinite-data",
    title="Infinite data, weight decay and optimisers do not help",
    statement=(
        "Clean training is accurate and non-robust even with a fresh sample at every step, with weight decay "
        "λ > 0 of any strength and any optimiser: neither overfitting nor the lack of a regulariser is the cause."
    ),
    source="Allen-Zhu & Li, Feature Purification (arXiv 2005.10190), main theorem, clean part, and its discussion",
    refuted_by="a training with clean accuracy below 99% on fresh samples, or with more than 1% standing at τ",
    measure=_however_trained,
    experiment="clean-trainings",
    smallest_dimension=SHOWS_99_PERCENT,
    note=_note,
    figures=(CLEAN_CURVES,),
)

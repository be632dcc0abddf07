"""accumulating: the mixture is born in clean training, step by step, and dies in adversarial training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.papers.feature_purification.figures import ACCUMULATION
from theory_checks.papers.feature_purification.tables import HISTORY
from theory_checks.quantities import exact
from theory_checks.verdict import Measurement


def _seeds(evidence: Evidence) -> Iterator[tuple[int, pd.DataFrame, pd.DataFrame]]:
    """Every seed with the rows of its clean and of its adversarial training, by step."""
    for seed, rows in evidence[HISTORY].sort_values("step").groupby("seed"):
        yield int(seed), rows[rows.stage == "clean"], rows[rows.stage == "robust"]  # pyright: ignore


def half_life(clean: pd.DataFrame, robust: pd.DataFrame) -> float:
    """Share of adversarial steps after which the median C is at most half of what clean training left (1 if never)."""
    start, end = clean.step.max(), robust.step.max()
    halved = robust.step[robust.mixture <= 0.5 * clean.mixture.iloc[-1]]
    return float((halved.min() - start) / (end - start)) if len(halved) else 1.0


def _birth_and_death(evidence: Evidence) -> tuple[Measurement, ...]:
    born = [(seed, abs(clean.mixture.iloc[0])) for seed, clean, _ in _seeds(evidence)]
    grown = [(seed, float(clean.step.corr(clean.dense, method="spearman"))) for seed, clean, _ in _seeds(evidence)]
    halved = [(seed, half_life(clean, robust)) for seed, clean, robust in _seeds(evidence)]
    return (
        exact("|median C| of w⁰", "<=", 0.05, born),
        exact("rank correlation of the median neuron's mixture a with the clean step", ">=", 0.9, grown),
        exact("share of adversarial steps until the median C is halved", "<=", 0.25, halved, unit="share of steps"),
    )


def _note(evidence: Evidence) -> str:
    ends = [(clean.mixture.iloc[-1], robust.mixture.iloc[-1]) for _, clean, robust in _seeds(evidence)]
    clean, robust = np.mean(ends, axis=0)
    return f"The median neuron's C is {clean:.2f} after clean and {robust:.3f} after adversarial training."


CLAIM = Claim(
    id="accumulating",
    title="The mixture accumulates in clean training and dies in adversarial training",
    statement=(
        "w⁰ carries no dense mixture; it accumulates over the steps of clean training, and adversarial training "
        "removes it before all else."
    ),
    source="Allen-Zhu & Li, Feature Purification (arXiv 2005.10190), overview; measure and bounds are ours",
    refuted_by="a mixture at the start, one that does not grow with the steps, or one that outlives a quarter of FGM",
    measure=_birth_and_death,
    note=_note,
    figures=(ACCUMULATION,),
)

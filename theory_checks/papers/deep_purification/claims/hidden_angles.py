"""What the claims about angles share: mean angles of hidden layers, and what they are over all of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from theory_checks.evidence import Evidence
from theory_checks.papers.deep_purification.tables import ANGLES
from theory_checks.quantities import mean
from theory_checks.verdict import Measurement, Relation

SOURCE = "Allen-Zhu & Li, Feature Purification (arXiv 2005.10190), experiments on convolutional nets"
NETS: dict[str, Any] = {"experiment": "convnet", "also": ("resnet",), "kind": "experiment", "source": SOURCE}
ALIGNED = 45.0  # degrees: below it β w' is longer than v in w = β w' + v
_WORDS = {"init-clean": "θ(w⁰, w)", "init-robust": "θ(w⁰, w′)", "clean-robust": "θ(w, w′)"}


def angles(evidence: Evidence, pair: str, relation: Relation, bound: float) -> tuple[Measurement, ...]:
    """Mean angle over the filters of every layer but the last, whose units are the classes."""
    table = evidence[ANGLES]
    rows = table[table.pair == pair]
    return tuple(
        mean(
            rows[rows.layer == layer].groupby("seed"),
            "angle",
            f"{table.architecture.iloc[0]}, {layer}: mean angle {_WORDS[pair]}, degrees",
            relation,
            bound,
            unit="degrees",
        )
        for layer in list(dict.fromkeys(rows.layer))[:-1]
    )


def note(evidence: Evidence) -> str:
    """Mean angles of all pairs over all hidden filters."""
    table = evidence[ANGLES]
    hidden = table[table.layer != table.layer.iloc[-1]]
    means = hidden.groupby("pair").angle.mean()
    aligned = np.mean(hidden[hidden.pair == "clean-robust"].angle < ALIGNED)
    return (
        f"{table.architecture.iloc[0]}: mean angles over all hidden filters θ(w⁰, w) {means['init-clean']:.0f}°, "
        f"θ(w⁰, w′) {means['init-robust']:.0f}°, θ(w, w′) {means['clean-robust']:.0f}°, and with w″ trained "
        f"adversarially from w⁰: θ(w⁰, w″) {means['init-scratch']:.0f}°, θ(w, w″) {means['clean-scratch']:.0f}°. "
        f"‖βw′‖ > ‖v‖ for {aligned:.0%} of the filters."
    )

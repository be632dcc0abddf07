"""What the claims share: differences of two nets on the same images."""

from __future__ import annotations

from typing import Any

import pandas as pd

from theory_checks.evidence import Evidence
from theory_checks.papers.robust_optimisation.tables import OUTCOMES
from theory_checks.quantities import effect
from theory_checks.verdict import Measurement, Relation

WHERE: dict[str, Any] = {
    "experiment": "robust-optimisation",
    "kind": "experiment",
    "source": "Shaham, Yamada & Negahban, Understanding Adversarial Training (arXiv 1511.05432), section 4",
}
NORMS = ("l1", "l2", "linf")
BETTER = 0.001  # an advantage: one image in a thousand, so that nets that never differ have none


def outcomes(evidence: Evidence, net: str, attack: str) -> pd.DataFrame:
    """Share of right answers [point × seed]: of every test image, over the versions of it that the attack made.

    An attack's name may stand for several: "collection" for that of every norm.
    """
    table = evidence[OUTCOMES]
    rows = table[(table.net == net) & (table.attack.str.endswith(attack))]
    return rows.pivot_table("right", index="point", columns="seed", aggfunc="mean").astype(float)


def share(evidence: Evidence, net: str, attack: str) -> float:
    """Of right answers, mean over images and seeds."""
    return float(outcomes(evidence, net, attack).mean().mean())


def difference(
    evidence: Evidence, net: str, other: str, attack: str, words: str, relation: Relation = ">=", bound: float = BETTER
) -> Measurement:
    """Accuracy of a net less that of another on the same images, seed by seed, and its mean over seeds and images.

    Args:
      attack: as the outcomes name it; see `outcomes`.
      words: what the images are, for the report.
    """
    values = (outcomes(evidence, net, attack) - outcomes(evidence, other, attack)).dropna()
    return effect(
        values.to_numpy().T,
        [int(seed) for seed in values.columns],
        f"accuracy {words}, {net} less {other}",
        relation,
        bound,
        unit="share of images",
    )

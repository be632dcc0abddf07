"""What the claims about convolutional nets on images share: differences of nets on the same images."""

from __future__ import annotations

import numpy as np
import pandas as pd

from purifyjax.stats import mean_interval, two_level_interval
from theory_checks.evidence import Evidence
from theory_checks.verdict import Measurement, Relation, SeedValue

BETTER = 0.001  # an advantage: one image in a thousand, so that nets that never differ have none


def outcomes(evidence: Evidence, net: str, attack: str) -> pd.DataFrame:
    """Share of right answers [point × seed]: of every test image, over the versions of it that the attack made.

    An attack's name may stand for several: "collection" for that of every norm.
    """
    table = evidence.outcomes
    rows = table[(table.net == net) & (table.attack.str.endswith(attack))]
    return rows.pivot_table("right", index="point", columns="seed", aggfunc="mean").astype(float)


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
    )


def effect(values: np.ndarray, seeds: list[int], quantity: str, relation: Relation, bound: float) -> Measurement:
    """A mean over seeds and points, judged by its two-level interval.

    Args:
      values: [seed, point].
    """
    if not values.size:
        return Measurement(quantity, relation, bound, ())
    found = [SeedValue(int(s), float(v.mean()), *mean_interval(v)) for s, v in zip(seeds, values, strict=True)]
    return Measurement(quantity, relation, bound, tuple(found), effect=two_level_interval(values))

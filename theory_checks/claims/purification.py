"""purification: the mixture goes, the feature stays."""

import numpy as np

from theory_checks.claims.claim import Claim, fraction, live
from theory_checks.evidence import Evidence
from theory_checks.verdict import Measurement, SeedValue


def _fall(evidence: Evidence) -> Measurement:
    """|mean C| of the robust net over that of the clean net, with a bootstrap interval over neurons."""
    seeds = []
    for seed, rows in live(evidence, "clean", "robust"):
        if rows.empty:
            seeds.append(SeedValue(seed, np.nan, np.nan, np.nan))
            continue
        clean, robust = rows.mixture_clean.to_numpy(), rows.mixture_robust.to_numpy()
        pick = np.random.default_rng(seed).integers(0, len(rows), (1000, len(rows)))
        ratios = np.abs(np.median(robust[pick], axis=1)) / np.abs(np.median(clean[pick], axis=1))
        low, high = np.quantile(ratios, [0.025, 0.975])
        value = abs(np.median(robust)) / abs(np.median(clean))
        seeds.append(SeedValue(seed, float(value), float(low), float(high)))
    return Measurement("|median C| of the robust net over the clean net's", "<=", 0.1, tuple(seeds))


CLAIM = Claim(
    id="purification",
    title="Adversarial training removes the mixture and keeps the feature",
    statement="Under adversarial training the dense coefficient shrinks while the component along M_j survives.",
    source="Allen-Zhu & Li, Feature Purification (arXiv 2005.10190), section 2; the tenfold fall is our bound",
    refuted_by="a dense coefficient above a tenth of its clean value, or features lost",
    measure=lambda e: (
        _fall(e),
        fraction(
            e,
            lambda rows: (rows.purity_robust > rows.purity_clean).to_numpy(),
            ("clean", "robust"),
            "share of live neurons that are purer after adversarial training",
            ">=",
            0.9,
        ),
        fraction(
            e,
            lambda rows: (rows.feature_robust == rows.feature_clean).to_numpy(),
            ("clean", "robust"),
            "share of live neurons that keep their feature",
            ">=",
            0.8,
        ),
    ),
)

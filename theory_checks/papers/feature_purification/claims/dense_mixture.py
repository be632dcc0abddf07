"""dense-mixture: every clean neuron is its feature plus a small multiple of all features."""

import math

import numpy as np

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.measuring.neurons import NEURONS, live
from theory_checks.papers.feature_purification.claims.mechanism import operated
from theory_checks.papers.feature_purification.figures import NEURON
from theory_checks.papers.feature_purification.tables import MIXTURES
from theory_checks.quantities import exact, fraction, median, share
from theory_checks.verdict import Measurement


def _mixtures(evidence: Evidence) -> tuple[Measurement, ...]:
    data, mixtures = evidence.config.training.data, evidence[MIXTURES].sort_values("seed")
    return (
        fraction(
            ((s, (r.mixture_clean > 3 * r.mixture_error_clean).to_numpy()) for s, r in live(evidence, "clean")),
            "share of live clean neurons whose mixture exceeds 3 standard errors",
            ">=",
            0.9,
            unit="share of neurons",
        ),
        median(live(evidence, "clean"), "mixture_clean", "median mixture coefficient C, at least", ">=", 0.3),
        median(live(evidence, "clean"), "mixture_clean", "median mixture coefficient C, at most", "<=", 3.0),
        # Hardly correlated with any single input: less than the least of the features that are present in it.
        exact(
            "largest |cos(x, Mw*)| of any fresh input, in units of 1/√k",
            "<=",
            1.0,
            zip(mixtures.seed, mixtures.largest_cosine * math.sqrt(data.sparsity), strict=True),
        ),
        share(
            "clean accuracy of the clean net without its mixture",
            ">=",
            0.99,
            *(operated(evidence, "clean", "mixture out", 0.0)[name] for name in ("seed", "correct", "points")),
        ),
    )


def _note(evidence: Evidence) -> str:
    data = evidence.config.training.data
    share_of_margin = evidence[MIXTURES].margin_share.mean()
    single = float(np.median(evidence[NEURONS].mixture_clean)) * data.sparsity / data.dimension
    return (
        f"One coordinate of the mixture is {single:.3f} of the feature's, yet all {data.dimension} add up along "
        f"Mw*. C = Θ(1) is read as 0.3 ≤ C ≤ 3. Of the mean margin on clean data {share_of_margin:.0%} is the "
        f"mixture's; k²/d = {data.sparsity**2 / data.dimension:.2f}, and it vanishes with that only."
    )


CLAIM = Claim(
    id="dense-mixture",
    title="Clean neurons carry a small dense mixture of all features",
    statement=(
        "w_i ≈ ±c_j M_j + v_i with v_i ≈ C (k/d) c_j Σ_j' w*_j' M_j': highly correlated with the average "
        "feature, hardly with any single one."
    ),
    source="Allen-Zhu & Li, Feature Purification (arXiv 2005.10190), overview; the form of v_i is derived",
    refuted_by="mixtures within their standard error, C far from a constant, or clean accuracy that needs the mixture",
    measure=_mixtures,
    note=_note,
    figures=(NEURON,),
)

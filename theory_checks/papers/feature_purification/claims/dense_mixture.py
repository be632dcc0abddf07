"""dense-mixture: every clean neuron is its feature plus a small multiple of all features."""

import numpy as np

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.measuring.neurons import NEURONS, live
from theory_checks.papers.feature_purification.figures import NEURON
from theory_checks.quantities import fraction, median
from theory_checks.verdict import Measurement


def _mixtures(evidence: Evidence) -> tuple[Measurement, ...]:
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
    )


def _note(evidence: Evidence) -> str:
    data = evidence.config.training.data
    single = float(np.median(evidence[NEURONS].mixture_clean)) * data.sparsity / data.dimension
    return (
        f"One coordinate of the mixture is {single:.3f} of the feature's, yet all {data.dimension} add up along "
        "Mw*. C = Θ(1) is read as 0.3 ≤ C ≤ 3."
    )


CLAIM = Claim(
    id="dense-mixture",
    title="Clean neurons carry a small dense mixture of all features",
    statement=(
        "w_i ≈ ±c_j M_j + v_i with v_i ≈ C (k/d) c_j Σ_j' w*_j' M_j': highly correlated with the average "
        "feature, hardly with any single one."
    ),
    source="Allen-Zhu & Li, Feature Purification (arXiv 2005.10190), section 2; the form of v_i is derived",
    refuted_by="mixtures that do not stand out of their standard error, or C far from a constant",
    measure=_mixtures,
    note=_note,
    figures=(NEURON,),
)

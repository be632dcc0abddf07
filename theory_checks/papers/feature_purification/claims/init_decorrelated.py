"""init-decorrelated: training is not the tangent-kernel regime."""

import math

from theory_checks.claim import Claim
from theory_checks.measuring.neurons import live
from theory_checks.papers.feature_purification.figures import COSINES
from theory_checks.quantities import median

CLAIM = Claim(
    id="init-decorrelated",
    title="Both nets are nearly uncorrelated with their initial weights",
    statement="The weights after clean and after adversarial training have nearly zero correlation with w⁰.",
    source="Allen-Zhu & Li, Feature Purification (arXiv 2005.10190), overview; the finite-size bounds are ours",
    refuted_by="median |cos(w, w⁰)| above 0.2 or median |cos(w', w⁰)| above 0.1 over live neurons",
    measure=lambda e: (
        median(live(e, "clean"), "cos_init_clean", "median |cos(w, w⁰)|", "<=", 0.2),
        median(live(e, "robust"), "cos_init_robust", "median |cos(w', w⁰)|", "<=", 0.1),
    ),
    # Winners start 2 to 3 standard deviations up in their feature, |cos(w', w⁰)| ~ 2.4/√d: 0.1 at d ~ 600.
    smallest_dimension=600,
    note=lambda e: (
        "A neuron that wins feature j starts with w⁰_j among its largest: |cos| ~ 2.4/√d, falling with d; chance alone "
        f"gives a median of 0.67/√d = {0.67 / math.sqrt(e.config.dimension):.3f}."
    ),
    figures=(COSINES,),
)

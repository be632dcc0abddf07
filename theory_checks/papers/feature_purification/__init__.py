"""Feature Purification (Allen-Zhu & Li, arXiv 2005.10190): clean nets carry dense mixtures, adversarial ones do not.

In the order of reading: `config`, `experiment`, what is measured (`measure`, `perturbations`), `claims`, `figures`.
"""

from theory_checks.paper import Paper
from theory_checks.papers.feature_purification.claims import CLAIMS
from theory_checks.papers.feature_purification.experiment import PROFILES, SHARES, SUMMARIES

PAPER = Paper(
    name="feature-purification",
    title="Feature Purification: How Adversarial Training Performs Robust Deep Learning",
    source="Allen-Zhu & Li, arXiv 2005.10190",
    claims=CLAIMS,
    profiles=PROFILES,
    summaries=SUMMARIES,
    shares=SHARES,
    place=1,
)

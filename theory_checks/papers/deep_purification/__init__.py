"""The experiments of the Feature Purification paper (Allen-Zhu & Li, arXiv 2005.10190) on convolutional nets.

In the order of reading: `config`, `experiment`, what is measured (`measure`, `first_layer`), `claims`, `figures`.
"""

from theory_checks.paper import Paper
from theory_checks.papers.deep_purification.claims import CLAIMS
from theory_checks.papers.deep_purification.experiment import PROFILES, SUMMARIES

PAPER = Paper(
    name="deep-purification",
    title="Feature Purification: How Adversarial Training Performs Robust Deep Learning, on convolutional nets",
    source="Allen-Zhu & Li, arXiv 2005.10190, experiments",
    claims=CLAIMS,
    profiles=PROFILES,
    summaries=SUMMARIES,
    place=5,
)

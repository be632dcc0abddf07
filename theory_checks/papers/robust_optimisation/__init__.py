"""Robust optimisation (Shaham, Yamada & Negahban, arXiv 1511.05432): nets trained on their own worst cases.

In the order of reading: `config`, `experiment`, what is measured (`measure`, `collection`, `costs`), `claims`,
`figures`.
"""

from theory_checks.paper import Paper
from theory_checks.papers.robust_optimisation.claims import CLAIMS
from theory_checks.papers.robust_optimisation.experiment import PROFILES, SUMMARIES

PAPER = Paper(
    name="robust-optimisation",
    title=("Understanding Adversarial Training: Increasing Local Stability of Neural Nets through Robust Optimization"),
    source="Shaham, Yamada & Negahban, arXiv 1511.05432",
    claims=CLAIMS,
    profiles=PROFILES,
    summaries=SUMMARIES,
    place=4,
)

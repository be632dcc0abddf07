"""The lower bounds of Feature Purification (Allen-Zhu & Li, arXiv 2005.10190): no simpler class is robust.

In the order of reading: `config`, `experiment`, what is fitted (`candidates`) and measured (`measure`), `claims`,
`figures`.
"""

from theory_checks.paper import Paper
from theory_checks.papers.simpler_classes.claims import CLAIMS
from theory_checks.papers.simpler_classes.experiment import PROFILES, SUMMARIES

PAPER = Paper(
    name="simpler-classes",
    title="Feature Purification: no linear model, low-degree polynomial or tangent kernel is robust",
    source="Allen-Zhu & Li, arXiv 2005.10190, lower bounds",
    claims=CLAIMS,
    profiles=PROFILES,
    summaries=SUMMARIES,
    place=2,
)

"""Low-rank updates (Allen-Zhu & Li, arXiv 2005.10190 v4): what adversarial training does, a low rank does as well.

In the order of reading: `config`, `experiment`, what is measured (`measure`), `claims`. The figure is that of
`theory_checks.measuring.ranks`, which convolutional nets share.
"""

from theory_checks.paper import Paper
from theory_checks.papers.low_rank.claims import CLAIMS
from theory_checks.papers.low_rank.experiment import PROFILES, SUMMARIES

PAPER = Paper(
    name="low-rank",
    title="Feature Purification: adversarial training works through low-rank updates",
    source="Allen-Zhu & Li, arXiv 2005.10190, v4",
    claims=CLAIMS,
    profiles=PROFILES,
    summaries=SUMMARIES,
    place=6,
)

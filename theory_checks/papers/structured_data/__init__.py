"""Structured data (Li & Li, arXiv 2410.08503): patches with few strong, robust features and many weak, non-robust ones.

In the order of reading: `config`, `experiment`, what is measured (`measure`), `quantities` that claims share, `claims`,
`figures`. The sizes were found on seeds 0 to 7; other seeds are one option away.
"""

from theory_checks.paper import Paper
from theory_checks.papers.structured_data.claims import CLAIMS
from theory_checks.papers.structured_data.experiment import PROFILES, SUMMARIES

PAPER = Paper(
    name="structured-data",
    title="Adversarial Training Can Provably Improve Robustness: Theoretical Analysis of Feature Learning Process "
    "Under Structured Data",
    source="Li & Li, arXiv 2410.08503",
    claims=CLAIMS,
    profiles=PROFILES,
    summaries=SUMMARIES,
    place=3,
)

"""Codes of photographs: whether they meet the assumptions of Feature Purification, and whether its theorem shows there.

In the order of reading: `config`, `data` (the real codes and two controls), `experiment`, what is measured (`measure`,
`codes`), `beside` (quantities on real codes beside those on the theory's), `claims`, `figures`.
"""

from theory_checks.paper import Paper
from theory_checks.papers.natural_codes.claims import CLAIMS
from theory_checks.papers.natural_codes.experiment import PROFILES, SUMMARIES

PAPER = Paper(
    name="natural-codes",
    title="Feature Purification, asked about codes of photographs",
    source="Allen-Zhu & Li, arXiv 2005.10190; the questions are ours",
    claims=CLAIMS,
    profiles=PROFILES,
    summaries=SUMMARIES,
    place=7,
)

"""How the radii of Feature Purification (Allen-Zhu & Li, arXiv 2005.10190) move with d and k: what is asymptotic of it.

In the order of reading: `config`, `experiment`, what claims are made of (`exponents`), `claims`, `figures`. What the
source states and what is derived from its proof is said claim by claim: the derived ones are questions.
"""

from theory_checks.paper import Paper
from theory_checks.papers.scaling.claims import CLAIMS
from theory_checks.papers.scaling.experiment import PROFILES, SUMMARIES

PAPER = Paper(
    name="scaling",
    title="Feature Purification: exponents of radii and mixtures in the dimension",
    source="Allen-Zhu & Li, arXiv 2005.10190, asymptotics",
    claims=CLAIMS,
    profiles=PROFILES,
    summaries=SUMMARIES,
    place=8,
)

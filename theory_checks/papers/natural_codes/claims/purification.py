"""natural-purification: whether adversarial training on codes of photographs purifies the neurons."""

from __future__ import annotations

import numpy as np

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.measuring.neurons import feature_kept, live, mixture_fall, mostly_own, purer
from theory_checks.papers.natural_codes.beside import NAMES, SOURCE, judged, of
from theory_checks.papers.natural_codes.config import REAL
from theory_checks.papers.natural_codes.figures import PHOTOGRAPHS


def _note(evidence: Evidence) -> str:
    words = []
    for kind, name in NAMES.items():
        rows = of(evidence, kind)
        found = [
            (r.mixture_clean.median(), r.mixture_robust.median(), r.feature_clean.nunique())
            for _, r in live(rows, "clean", "robust")
        ]
        before, after, features = np.mean(found, axis=0)
        shares = ", ".join(f"{share(rows).measured:.0%}" for share in (purer, feature_kept, mostly_own))
        words.append(f"{name}: median C from {before:.2f} to {after:.2f}; {shares}; {features:.0f} features found")
    return f"Live neurons that grow purer, keep their feature, and have ‖βw'‖ > ‖v‖, on codes {'. '.join(words)}."


CLAIM = Claim(
    id="natural-purification",
    title="On codes of photographs adversarial training purifies the neurons",
    statement=(
        "On real codes, too, the dense mixture goes and the feature stays, and the clean weights are mostly the robust "
        "ones: w = βw' + v with ‖βw'‖ > ‖v‖."
    ),
    source=f"{SOURCE}, overview, asked about real codes",
    refuted_by="a bound of purification or decomposition missed where the theory's codes meet it",
    measure=lambda e: judged(e, mixture_fall, purer, feature_kept, mostly_own),
    kind="question",
    experiment=REAL,
    note=_note,
    figures=(PHOTOGRAPHS,),
)

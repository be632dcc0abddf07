"""decomposition: the robust weights are the larger part of the clean ones."""

import math

import numpy as np

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.measuring.neurons import NEURONS, live, mostly_own
from theory_checks.papers.feature_purification.figures import COSINES


def _note(evidence: Evidence) -> str:
    cosines = [rows.cos_clean_robust.median() for _, rows in live(evidence, "clean", "robust")]
    kept = [np.mean(rows.feature_clean == rows.feature_robust) for _, rows in live(evidence, "clean", "robust")]
    every = [np.mean(rows.cos_clean_robust > 1 / math.sqrt(2)) for _, rows in evidence[NEURONS].groupby("seed")]
    beside = [
        np.mean(rows.cos_clean_continued > 1 / math.sqrt(2))
        for _, rows in live(evidence, "clean", "robust")
        if rows.cos_clean_continued.notna().any()
    ]
    control = f" After as many steps without an adversary it is {np.mean(beside):.1%}." if beside else ""
    return (
        f"Of all m neurons, live or not, {np.mean(every):.1%}.{control} ‖βw'‖ > ‖v‖ is |cos(w, w')| > 1/√2; "
        f"the median |cos| is {np.mean(cosines):.2f}, and "
        f"{np.mean(kept):.0%} of the neurons keep their feature."
    )


CLAIM = Claim(
    id="decomposition",
    title="Clean weights are mostly their own purified version",
    statement=(
        "For most neurons w_i = β_i w_i' + v_i with ‖β_i w_i'‖ > ‖v_i‖, where w' is trained adversarially from w: "
        "adversarial training removes a small part of every weight rather than learning anew."
    ),
    source="Allen-Zhu & Li, Feature Purification (arXiv 2005.10190), overview",
    refuted_by="‖βw'‖ > ‖v‖ for fewer than 90% of the live neurons",
    measure=lambda e: (mostly_own(e),),
    note=_note,
    figures=(COSINES,),
)

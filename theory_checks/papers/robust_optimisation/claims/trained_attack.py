"""ro-trained-attack: in its own norm and at its own radius every robust net is more accurate than the baseline."""

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.papers.robust_optimisation.claims.differences import NORMS, WHERE, difference, share
from theory_checks.papers.robust_optimisation.config import BASELINE
from theory_checks.papers.robust_optimisation.figures import CURVES, SINGLE_PIXELS
from theory_checks.verdict import Measurement


def _trained_for(evidence: Evidence) -> tuple[Measurement, ...]:
    return tuple(
        difference(evidence, net, BASELINE, f"{net} {attack}", f"under {net} {attack}")
        for net in NORMS
        for attack in ("one-step", "worst")
    )


def _note(evidence: Evidence) -> str:
    def told(net: str, attack: str) -> str:
        return f"{share(evidence, net, attack):.1%}"

    norms = [
        f"{norm}: {told(BASELINE, f'{norm} one-step')} → {told(norm, f'{norm} one-step')} under one step, "
        f"{told(BASELINE, f'{norm} worst')} → {told(norm, f'{norm} worst')} under the worst of all attacks"
        for norm in NORMS
    ]
    return f"Baseline → net trained in that norm (all attacks: one step, PGD, APGD). {'; '.join(norms)}."


CLAIM = Claim(
    id="ro-trained-attack",
    title="Robust nets withstand the attack that they were trained for",
    statement="In its own norm and at its own radius every robust net is more accurate than the baseline.",
    refuted_by="accuracy under one step, or under the strongest attack of that norm, no higher than the baseline's",
    measure=_trained_for,
    note=_note,
    figures=(CURVES, SINGLE_PIXELS),
    **WHERE,
)

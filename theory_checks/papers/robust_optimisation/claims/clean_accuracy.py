"""ro-clean-accuracy: the robust nets are more accurate on clean images as well."""

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.papers.robust_optimisation.claims.differences import NORMS, WHERE, difference, share
from theory_checks.papers.robust_optimisation.config import BASELINE
from theory_checks.papers.robust_optimisation.figures import CURVES
from theory_checks.verdict import Measurement


def _clean(evidence: Evidence) -> tuple[Measurement, ...]:
    return tuple(difference(evidence, net, BASELINE, "none", "on clean images") for net in NORMS)


def _note(evidence: Evidence) -> str:
    shares = [f"{net} {share(evidence, net, 'none'):.2%}" for net in (BASELINE, *NORMS)]
    return f"Clean accuracy: {', '.join(shares)}. The source reports 99.09% and 99.12, 99.29, 99.34% on MNIST."


CLAIM = Claim(
    id="ro-clean-accuracy",
    title="Robust optimisation improves clean accuracy",
    statement="The robust nets are more accurate than the baseline on clean test images as well.",
    refuted_by="clean accuracy below the baseline's, mean over seeds and images",
    measure=_clean,
    note=_note,
    figures=(CURVES,),
    **WHERE,
)

"""ro-collection: robust nets get right what was made to fool the baseline."""

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.papers.robust_optimisation.claims.differences import NORMS, WHERE, difference, outcomes, share
from theory_checks.papers.robust_optimisation.config import BASELINE, OTHER
from theory_checks.papers.robust_optimisation.figures import CURVES
from theory_checks.verdict import Measurement


def _collection(evidence: Evidence) -> tuple[Measurement, ...]:
    return tuple(difference(evidence, net, OTHER, "collection", "on the collection") for net in NORMS)


def _note(evidence: Evidence) -> str:
    shares = {net: share(evidence, net, "collection") for net in (OTHER, *NORMS)}
    kept = outcomes(evidence, BASELINE, "collection")
    return (
        f"The baseline itself scores {kept.mean().mean():.1%}, by construction: smallest perturbations in every norm "
        f"of images that it gets right, {len(kept)} test images. What counts is a baseline of another seed, which had "
        f"no part in making them: {shares[OTHER]:.1%}, against "
        + ", ".join(f"{shares[net]:.1%} ({net})" for net in NORMS)
        + "."
    )


CLAIM = Claim(
    id="ro-collection",
    title="Robust nets withstand what fools the baseline",
    statement=(
        "Nets trained on their own worst cases get right what was made to fool the baseline: a fixed collection of "
        "adversarial examples of correctly classified test points."
    ),
    refuted_by="accuracy on the collection no higher than another seed's baseline has, mean over seeds and images",
    measure=_collection,
    note=_note,
    figures=(CURVES,),
    **WHERE,
)

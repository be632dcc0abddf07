"""mechanism, more-clean-training: the mixture, and nothing else that training changed, decides about robustness."""

import pandas as pd

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.measuring.attacked import CERTIFICATES
from theory_checks.measuring.two_layer import SHOWS_99_PERCENT, SHOWS_FRAGILE
from theory_checks.papers.feature_purification.certificates import WITHOUT_MIXTURE
from theory_checks.papers.feature_purification.figures import OPERATED
from theory_checks.papers.feature_purification.mechanism import BOUNDS, CHANGED, PLACEBO, TRAINED_ON
from theory_checks.papers.feature_purification.tables import MECHANISM
from theory_checks.quantities import share
from theory_checks.verdict import Measurement

_IN_WORDS = {
    "mixture out": " without its mixture",
    "mixture in": " with the clean net's mixture",
    "other's threshold": " under the other net's thresholds",
    "random direction out": " without its part along a random direction",
    "trained on": " trained on without an adversary",
}


def operated(evidence: Evidence, net: str, change: str, factor: float) -> pd.DataFrame:
    """A row a seed, at a radius in units of τ."""
    table = evidence[MECHANISM]
    at = (table.radius - factor * evidence.config.radius).abs() < 1e-6
    return table[(table.net == net) & (table.change == change) & at].sort_values("seed")


def _accuracy(evidence: Evidence, net: str, change: str, factor: float) -> Measurement:
    rows = operated(evidence, net, change, factor)
    kind = "clean accuracy" if factor == 0 else f"robust accuracy at {'' if factor == 1 else f'{factor:g} '}τ"
    counted = (rows.seed, rows.correct, rows.points, rows.spent)
    return share(f"{kind}, {net} net{_IN_WORDS[change]}", *BOUNDS[net, change, factor], *counted)


def _placebo(evidence: Evidence, factor: float) -> Measurement:
    rows = operated(evidence, *PLACEBO, factor)
    where = "clean points" if factor == 0 else "points at τ"
    quantity = f"share of {where} whose outcome changes, clean net{_IN_WORDS[PLACEBO[1]]}"
    return share(quantity, "<=", CHANGED, rows.seed, rows.differs, rows.points)


def _causes(evidence: Evidence) -> tuple[Measurement, ...]:
    found = [_accuracy(evidence, *place) for place in BOUNDS if place[:2] != TRAINED_ON]
    return (*found, _placebo(evidence, 0.0), _placebo(evidence, 1.0))


def _note(evidence: Evidence) -> str:
    def percent(net: str, change: str, factor: float) -> str:
        rows = operated(evidence, net, change, factor)
        return f"{(rows.correct / rows.points).mean():.1%}"

    table = evidence[CERTIFICATES]
    proven = table[(table.net == WITHOUT_MIXTURE) & (table.method == "quadratic")]
    shares = (proven.certified / proven.points).groupby(proven.radius / evidence.config.radius).mean()
    certified = ", ".join(f"{share:.0%} at {factor:.2g} τ" for factor, share in shares.items())
    certified = f" Without its mixture the clean net is certified on {certified}." if certified else ""
    shared, own = ([percent("robust", f"{kind} in", factor) for factor in (0.0, 1.0)] for kind in _RANDOM)
    return (
        "No net was trained after its operation. What else could stand in for the mixture in the robust net: one "
        "random dense direction of its size, shared by all neurons ({} clean, {} at τ), and one of each neuron's own "
        "({} clean, {} at τ): a dense part of that size breaks robustness whatever its direction; what singles the "
        "mixture out is that gradient descent grows it."
    ).format(*shared, *own) + certified


_RANDOM = ("shared random direction", "own random directions")

CAUSE = Claim(
    id="mechanism",
    title="The mixture decides about robustness, and not the thresholds",
    statement=(
        "Taking the dense mixture out of the clean net makes it robust, putting it into the robust net makes that "
        "non-robust; neither thresholds nor a random direction does."
    ),
    source="derived from Allen-Zhu & Li, Feature Purification (arXiv 2005.10190); operations and bounds are ours",
    refuted_by="a net that stays fragile without the mixture or robust with it, or one that a control changes as well",
    measure=_causes,
    smallest_dimension=SHOWS_FRAGILE,
    note=_note,
    figures=(OPERATED,),
)

LONGER = Claim(
    id="more-clean-training",
    title="More clean training does not help",
    statement="A clean net that is trained on for as long as the robust one, without an adversary, stays non-robust.",
    source="Allen-Zhu & Li, Feature Purification (arXiv 2005.10190); the control and its bounds are ours",
    refuted_by="more than 1% of fresh points standing at τ, for every seed",
    measure=lambda e: tuple(_accuracy(e, *place) for place in BOUNDS if place[:2] == TRAINED_ON),
    smallest_dimension=SHOWS_99_PERCENT,
    note="The same steps on the same samples as adversarial training, with its thresholds.",
    figures=(OPERATED,),
)

"""selectivity: a neuron fires if, and nearly only if, its feature is present."""

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.measuring.neurons import NEURONS, SELECTIVITY
from theory_checks.papers.feature_purification.figures import DIALS
from theory_checks.quantities import fraction
from theory_checks.verdict import Measurement, Relation, SeedValue

_NETS = ("clean", "robust")


def _fires(evidence: Evidence, net: str, feature: str, relation: Relation, bound: float) -> Measurement:
    table = evidence[SELECTIVITY]
    rows = table[(table.net == net) & (table.feature == feature)].sort_values("seed")
    seeds = tuple(SeedValue(int(s), *values) for s, *values in rows[["seed", "fired", "low", "high"]].to_numpy(float))
    quantity = f"Pr[neuron fires | its feature {feature}], {net} net"
    return Measurement(quantity, relation, bound, seeds, unit="share of pairs of neuron and point")


def _live(evidence: Evidence, net: str) -> Measurement:
    seeds = ((int(s), rows[f"live_{net}"].to_numpy()) for s, rows in evidence[NEURONS].groupby("seed"))  # pyright: ignore
    return fraction(seeds, f"share of all m neurons that are live, {net} net", ">=", 0.9, unit="share of neurons")


CLAIM = Claim(
    id="selectivity",
    title="A neuron fires if its feature is present, and hardly otherwise",
    statement=(
        "After training, clean or adversarial, a neuron listens to one feature: it fires where the feature is "
        "present and on few of the inputs without it."
    ),
    source="Allen-Zhu & Li, Feature Purification (arXiv 2005.10190), proof outline; the 90% and 3% are ours",
    refuted_by="neurons deaf to a tenth of their features, or awake on more than 3% of the inputs without them",
    measure=lambda e: (
        *(_fires(e, net, "present", ">=", 0.9) for net in _NETS),
        *(_fires(e, net, "absent", "<=", 0.03) for net in _NETS),
        *(_live(e, net) for net in _NETS),
    ),
    note=(
        "Thresholds far above this regime make any net deaf and fragile, thresholds far below it make the clean net "
        "one linear classifier: either way accuracies would say little about mixtures. Pairs are over live neurons."
    ),
    figures=(DIALS,),
)

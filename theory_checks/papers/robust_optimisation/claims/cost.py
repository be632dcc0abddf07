"""ro-cost: one ascent step on the input for every descent step on the weights costs about twice the time."""

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.papers.robust_optimisation.claims.differences import NORMS, WHERE
from theory_checks.papers.robust_optimisation.tables import COSTS
from theory_checks.quantities import median
from theory_checks.verdict import Measurement

_TWICE = 2.5  # "about twice" the time of standard training, read as at most this


def _cost(evidence: Evidence) -> tuple[Measurement, ...]:
    table = evidence[COSTS]
    return tuple(
        median(
            [(None, table[table.net == net])],  # the time is no seed's
            "ratio",
            f"time of a step over the baseline's, {net} net",
            "<=",
            _TWICE,
            unit="times the baseline's",
        )
        for net in NORMS
    )


CLAIM = Claim(
    id="ro-cost",
    title="Robust optimisation costs about twice standard training",
    statement="One ascent step on the input for every descent step on the weights: about twice the time.",
    refuted_by=f"a training step that takes more than {_TWICE} times the baseline's",
    measure=_cost,
    note="Steps of one seed, timed in turns with the baseline's; the interval is the median's over repeats.",
    **WHERE,
)

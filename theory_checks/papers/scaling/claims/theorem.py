"""What the source states of large d: linear models break at 1/√d, the gap opens, initialisation is forgotten."""

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.papers.scaling.exponents import constant, exponent, gap, memory, of_k, radius, told, within
from theory_checks.papers.scaling.figures import EXPONENTS, SIZES
from theory_checks.papers.scaling.tables import SCALING
from theory_checks.verdict import Measurement

_WELL_ABOVE = 0.4  # ⅓, at which the exponent 3a/2 − ½ of the gap is 0
_SOURCE = "Allen-Zhu & Li, Feature Purification (arXiv 2005.10190)"


def _opens(evidence: Evidence) -> tuple[Measurement, ...]:
    return tuple(
        Measurement(f"exponent of r_robust/r_clean in d, k ~ d^{a:g}", ">=", 0.0, (exponent(rows, gap),))
        for a, rows in evidence[SCALING].groupby("exponent")
        if of_k(rows) > _WELL_ABOVE
    )


def _forgotten(evidence: Evidence) -> tuple[Measurement, ...]:
    return tuple(
        Measurement(f"exponent of |cos(w, w⁰)| in d, {net} net, k ~ d^{a:g}", "<=", 0.0, (exponent(rows, memory(net)),))
        for a, rows in evidence[SCALING].groupby("exponent")
        for net in ("clean", "robust")
    )


LINEAR = Claim(
    id="scaling-linear",
    title="Linear classifiers break at a radius ~ 1/√d",
    statement="The ℓ2 radius at which the linear classifier sign⟨M w*, x⟩ breaks falls as d^(−1/2), whatever k.",
    source=f"{_SOURCE}, lower bound for linear models",
    refuted_by="an exponent further than 0.1 from −1/2",
    measure=lambda e: within(e, "the linear radius", radius("linear"), lambda rows: rows.dimension**-0.5),
    experiment="scaling",
    note=lambda e: told(e, radius("linear")),
    figures=(SIZES, EXPONENTS),
)
GAP = Claim(
    id="scaling-gap",
    title="Adversarial training gains a factor of radius that grows with d",
    statement=(
        "For k well above d^(1/3) the radius of the adversarially trained net over that of the clean one grows as a "
        "power of d: what is 99% against 1% at one τ is 1 − o(1) against o(1) in the limit."
    ),
    source=f"{_SOURCE}, main theorem: both parts at one radius; the exponent 3a/2 − 1/2 is derived here",
    refuted_by="a ratio of the two radii that falls with d for k ~ d^a, a > 0.4",
    measure=_opens,
    experiment="scaling",
    note=lambda e: f"{told(e, gap)} {constant(e)}",
    figures=(SIZES, EXPONENTS),
)
MEMORY = Claim(
    id="scaling-memory",
    title="The initialisation is forgotten as d grows",
    statement="|cos(w, w⁰)| and |cos(w′, w⁰)| are o(1): they fall with d.",
    source=f"{_SOURCE}, main theorem: neither w nor w′ is near w⁰",
    refuted_by="a median |cos| that rises with d",
    measure=_forgotten,
    experiment="scaling",
    note=lambda e: f"Clean nets. {told(e, memory('clean'))}",
    figures=(SIZES,),
)

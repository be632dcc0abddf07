"""any-perturbation: robust accuracy caught between a certificate and the strongest attack."""

import pandas as pd

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.measuring.attacked import CERTIFICATES
from theory_checks.measuring.figures import RADIUS_CURVES
from theory_checks.measuring.findings import winners
from theory_checks.measuring.two_layer import SHOWS_99_PERCENT
from theory_checks.quantities import accuracy, share
from theory_checks.verdict import Measurement

_NEAR = 0.75  # the radius, in units of τ, at which attack and certificate must nearly meet


def _at(evidence: Evidence, factor: float, method: str = "quadratic") -> pd.DataFrame:
    """Certificates at a radius in units of τ, a row a seed."""
    table = evidence[CERTIFICATES]
    near = (table.radius / evidence.config.radius - factor).abs() < 1e-6
    return table[(table.net == "robust") & (table.method == method) & near].sort_values("seed")


def _caught(evidence: Evidence) -> tuple[Measurement, ...]:
    at_radius, near = _at(evidence, 1.0), _at(evidence, _NEAR)
    open_points = near.standing - near.certified
    return (
        share(
            f"share of points certified against any perturbation of norm τ = {evidence.config.radius:.4g}",
            ">=",
            0.9,
            at_radius.seed,
            at_radius.certified,
            at_radius.points,
            refutable=False,
        ),
        share(
            f"share of points neither attacked nor certified at {_NEAR:g} τ",
            "<=",
            0.05,
            near.seed,
            open_points,
            near.points,
            refutable=False,
        ),
        accuracy(evidence, "robust", "worst", ">=", 0.99),
    )


def _note(evidence: Evidence) -> str:
    table = evidence[CERTIFICATES]
    if table.empty:
        return f"This profile certifies no points. {winners(evidence, 'robust')}"
    table = table.assign(proven=table.certified / table.points, factor=table.radius / evidence.config.radius)
    robust = table[(table.net == "robust") & (table.method == "quadratic")]
    worst = robust.groupby("factor").proven.min()
    proven = worst[worst >= 0.99]
    reach = f"up to {proven.index.max():.4g} τ" if len(proven) else "at no radius tried"
    cheap = ", ".join(
        f"{method} {_at(evidence, 1.0, method).pipe(lambda rows: rows.certified / rows.points).mean():.0%}"
        for method in ("lipschitz", "interval", "crown")
    )
    return (
        "Robust accuracy lies between the certified share, a proof for every perturbation, and what is left standing "
        f"by attacks. 99% of the points of every seed are certified {reach}; the bounds that let every neuron wake on "
        f"its own certify at τ: {cheap}. Certificates are statements about the trained net, in float64. "
        + winners(evidence, "robust")
    )


CLAIM = Claim(
    id="any-perturbation",
    title="The robust net withstands any perturbation of the radius",
    statement=(
        "After adversarial training robust accuracy at τ is 1 − o(1) against ANY perturbation of that norm, "
        "not only against those that an algorithm finds."
    ),
    source=(
        "Allen-Zhu & Li, Feature Purification (arXiv 2005.10190), main theorem, adversarial part; "
        "the certificate and its 90% are ours"
    ),
    refuted_by="an attack that breaks more than 1% of the points, for every seed",
    measure=_caught,
    smallest_dimension=SHOWS_99_PERCENT,
    note=_note,
    figures=(RADIUS_CURVES,),
)

"""natural-codes: whether codes of photographs are what the theory takes codes to be."""

from __future__ import annotations

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.papers.natural_codes.beside import NAMES, SOURCE, of
from theory_checks.papers.natural_codes.config import IDEAL, REAL, SHUFFLED
from theory_checks.papers.natural_codes.figures import PHOTOGRAPHS
from theory_checks.papers.natural_codes.tables import CODES
from theory_checks.verdict import Measurement, Relation, SeedValue

# Quantities of the table of codes: in words, their unit, and the bound on each.
_PREMISES: tuple[tuple[str, str, str, Relation, float], ...] = (
    ("nonzero share", "sparse: share of coordinates that are not zero", "share of coordinates", "<=", 0.1),
    ("small", "share of non-zero |z_j| below 1/√k", "share of non-zeros", "<=", 0.05),
    (
        "even energy",
        "share of coordinates with E z_j² within a factor {even:g} of its mean",
        "share of coordinates",
        ">=",
        0.95,
    ),
    ("asymmetry", "symmetric: mean over j of |Pr[z_j > 0 | z_j ≠ 0] − ½|", "probability", "<=", 0.05),
    ("correlation spread", "values uncorrelated: spread over pairs of their correlation", "", "<=", 0.05),
    ("lift spread", "supports independent: spread over pairs of Pr[i, j]/(Pr[i] Pr[j])", "", "<=", 0.1),
    ("dispersion", "supports independent: Var ‖z‖₀ over that of independent ones, at most", "", "<=", 1.5),
    ("dispersion", "supports independent: Var ‖z‖₀ over that of independent ones, at least", "", ">=", 0.67),
)


def _premises(evidence: Evidence) -> tuple[Measurement, ...]:
    table = of(evidence, REAL)[CODES].set_index("quantity")
    parts = []
    for name, words, unit, relation, bound in _PREMISES:
        value, low, high = (float(table[column].loc[name]) for column in ("value", "low", "high"))
        quantity = words.format(even=evidence.config.statistics.even)
        # Codes belong to the pictures and to no seed of the nets.
        parts.append(Measurement(quantity, relation, bound, (SeedValue(None, value, low, high),), unit=unit))
    return tuple(parts)


def _note(evidence: Evidence) -> str:
    tables = {kind: of(evidence, kind)[CODES].set_index("quantity").value for kind in NAMES}
    real, codes = tables[REAL], evidence.config.codes
    controls = "; ".join(
        f"{NAMES[kind]}: Var ‖z‖₀ ratio {tables[kind]['dispersion']:.2f}, lift spread {tables[kind]['lift spread']:.3f}"
        for kind in (SHUFFLED, IDEAL)
    )
    return (
        f"d = {codes.atoms}, codes that miss {codes.tolerance:g} of a patch's energy. Intervals resample squares "
        "of the pictures; spreads are what two halves of the pictures agree on. Controls: "
        f"{controls}. Single tests at 5% false discoveries, on {real['rows apart']:.0f} patches that do not overlap "
        f"(few for rare pairs): {real['asymmetric']:.1%} of the coordinates asymmetric, {real['correlated']:.1%} of "
        f"the pairs correlated, {real['associated']:.1%} with dependent supports."
    )


CLAIM = Claim(
    id="natural-codes",
    title="Codes of photographs meet the assumptions of sparse coding",
    statement="Coordinates of z are sparse, symmetric, of even energy, and independent of one another.",
    source=f"{SOURCE}, the assumptions on codes; photographs and bounds are ours",
    refuted_by="coordinates that are dense, lopsided, uneven or dependent beyond the bounds",
    measure=_premises,
    kind="question",
    experiment=REAL,
    note=_note,
    figures=(PHOTOGRAPHS,),
)

"""What is derived from the proof: which power of d each radius is, and why."""

import pandas as pd

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.papers.scaling.exponents import constant, radius, told, within
from theory_checks.papers.scaling.figures import EXPONENTS, SIZES

_DERIVED = "derived here from Allen-Zhu & Li, Feature Purification (arXiv 2005.10190): "


def _of_mixture(rows: pd.DataFrame) -> pd.Series:
    """√d/k²."""
    return rows.dimension**0.5 / rows.sparsity**2


def _of_both_parts(rows: pd.DataFrame) -> pd.Series:
    """1/√(k + C² k⁴/d), with C as measured on each net."""
    dense = rows.mixture_clean**2 * rows.sparsity**4 / rows.dimension
    return (rows.sparsity + dense) ** -0.5


def _mixture(rows: pd.DataFrame) -> pd.Series:
    """C k/d, the mixture's coefficient over the feature's."""
    return rows.mixture_clean * rows.sparsity / rows.dimension


def _clean_note(evidence: Evidence) -> str:
    return f"{told(evidence, radius('clean'))} {constant(evidence)}"


CLEAN = Claim(
    id="scaling-clean",
    title="The clean net's radius falls as √d/k²",
    statement=(
        "k active neurons, each shifted by τ C k/√d along its dense mixture, flip the clean net at a radius "
        "~ √d/(C k²): for k ~ d^a and constant C an exponent of 1/2 − 2a."
    ),
    source=f"{_DERIVED}the mixture C k/d of each neuron",
    refuted_by="an exponent further than 0.1 from 1/2 − 2a",
    kind="question",
    measure=lambda e: within(e, "the clean radius", radius("clean"), _of_mixture),
    experiment="scaling",
    note=_clean_note,
    figures=(SIZES, EXPONENTS),
)
FINITE = Claim(
    id="scaling-clean-finite",
    title="Features and mixture together give the clean net's radius at finite d",
    statement=(
        "The gradient of a clean net has a pure part of size √k and a dense one of size C k²/√d: its radius is "
        "proportional to 1/√(k + C² k⁴/d), with C as measured, at all d."
    ),
    source=f"{_DERIVED}both parts of the gradient",
    refuted_by="a radius over this prediction that moves with d by an exponent beyond ±0.1",
    kind="question",
    measure=lambda e: within(e, "the clean radius", radius("clean"), _of_both_parts),
    experiment="scaling",
    note="Found on tuning seeds at d ≤ 256.",
    figures=(SIZES,),
)
ROBUST = Claim(
    id="scaling-robust",
    title="The robust net's radius falls as 1/√k",
    statement="A pure net bears ~ 1/√k, the perturbation that spends itself on k features: an exponent of −a/2.",
    source=f"{_DERIVED}purified neurons",
    refuted_by="an exponent further than 0.1 from −a/2",
    kind="question",
    measure=lambda e: within(e, "the robust radius", radius("robust"), lambda rows: rows.sparsity**-0.5),
    experiment="scaling",
    note=lambda e: told(e, radius("robust")),
    figures=(SIZES, EXPONENTS),
)
MIXTURE = Claim(
    id="scaling-mixture",
    title="Mixtures of clean nets fall as k/d",
    statement="A neuron that fires when its feature is present grows a mixture C k/d, C a constant: exponent a − 1.",
    source=f"{_DERIVED}the gradient of a winner neuron along other features",
    refuted_by="an exponent further than 0.1 from a − 1",
    kind="question",
    measure=lambda e: within(e, "C k/d", _mixture, lambda rows: rows.sparsity / rows.dimension),
    experiment="scaling",
    note=lambda e: f"{told(e, _mixture)} {constant(e)}",
    figures=(SIZES,),
)

"""pure-perturbations: the clean net is attacked along the dense mixture, the robust net along few features."""

import math
from collections.abc import Iterator

import pandas as pd

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.papers.feature_purification.figures import PERTURBATION
from theory_checks.papers.feature_purification.tables import PERTURBATIONS
from theory_checks.quantities import median
from theory_checks.verdict import Measurement


def perturbed(evidence: Evidence, net: str) -> Iterator[tuple[int, pd.DataFrame]]:
    """Seeds with the strongest perturbations of their net, a row a point."""
    table = evidence[PERTURBATIONS]
    for seed, rows in table[table.net == net].groupby("seed"):
        yield int(seed), rows  # pyright: ignore[reportArgumentType]


def _sparsity(evidence: Evidence) -> tuple[Measurement, ...]:
    data = evidence.config.training.data
    d, k, unit = data.dimension, data.sparsity, "coordinates"
    number, cosine = "median effective number of coordinates of δ", "median |cos(δ, Mw*)|"
    return (
        # A Gaussian vector has d/3; k equal entries count k, and Θ(k) is read as at most 3k.
        median(perturbed(evidence, "clean"), "participation", f"{number}, clean net", ">=", d / 3, unit),
        median(perturbed(evidence, "robust"), "participation", f"{number}, robust net", "<=", 3.0 * k, unit),
        # Most of the energy is the mixture; k equal entries have the cosine √(k/d) with it.
        median(perturbed(evidence, "clean"), "mixture_cosine", f"{cosine}, clean net", ">=", 1 / math.sqrt(2)),
        median(perturbed(evidence, "robust"), "mixture_cosine", f"{cosine}, robust net", "<=", 2 * math.sqrt(k / d)),
    )


def _note(evidence: Evidence) -> str:
    share = median(perturbed(evidence, "clean"), "mixture_cosine", "", ">=", 0.0).measured ** 2
    return (
        "The effective number is (Σ δ_j²)²/Σ δ_j⁴ in the dictionary basis: d/3 for a Gaussian vector, s for s equal "
        f"entries. On the clean net the mixture has {share:.0%} of the energy; fourth powers weigh the spikes over it."
    )


CLAIM = Claim(
    id="pure-perturbations",
    title="Perturbations are dense before adversarial training and pure after it",
    statement=(
        "Adversarial perturbations found on the clean net are dense in the dictionary basis, along the mixture; "
        "those found on the robust net are sparse (pure): they change few features."
    ),
    source="Allen-Zhu & Li, Feature Purification (arXiv 2005.10190), overview; the finite-size bounds are ours",
    refuted_by="clean-net perturbations sparser than noise or off the mixture, or robust-net ones beyond 3k features",
    measure=_sparsity,
    note=_note,
    figures=(PERTURBATION,),
)

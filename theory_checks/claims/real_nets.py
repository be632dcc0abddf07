"""Feature purification in convolutional nets on images: angles of filters, and what filters rebuild sparsely."""

from typing import Any

import numpy as np

from purifyjax.stats import mean_interval
from theory_checks.claims.claim import Claim
from theory_checks.claims.images import effect
from theory_checks.evidence import Evidence
from theory_checks.verdict import Measurement, Relation, SeedValue

_SOURCE = "Allen-Zhu & Li, Feature Purification (arXiv 2005.10190), experiments on convolutional nets"
_NETS: dict[str, Any] = {"experiment": "convnet", "also": ("resnet",), "source": _SOURCE}
NEAR_RIGHT_ANGLE = 75.0  # degrees: the source says "near 90°" in words; the finite bound is ours
ALIGNED = 45.0  # degrees: below it β w' is longer than v in w = β w' + v
FEW = 4  # filters to rebuild an image from


def _angles(evidence: Evidence, pair: str, relation: Relation, bound: float) -> tuple[Measurement, ...]:
    """Mean angle over the filters of every layer but the last, whose units are the classes."""
    table = evidence.angles[evidence.angles.pair == pair]
    hidden = list(dict.fromkeys(table.layer))[:-1]
    parts = []
    for layer in hidden:
        seeds = []
        for seed, rows in table[table.layer == layer].groupby("seed"):
            low, high = mean_interval(rows.angle)
            seeds.append(SeedValue(int(seed), float(rows.angle.mean()), low, high))
        words = f"{evidence.angles.architecture.iloc[0]}, {layer}: mean angle {_WORDS[pair]}, degrees"
        parts.append(Measurement(words, relation, bound, tuple(seeds)))
    return tuple(parts)


_WORDS = {"init-clean": "θ(w⁰, w)", "init-robust": "θ(w⁰, w′)", "clean-robust": "θ(w, w′)"}


def _angle_note(evidence: Evidence) -> str:
    table = evidence.angles
    hidden = table[table.layer != table.layer.iloc[-1]]
    means = hidden.groupby("pair").angle.mean()
    aligned = np.mean(hidden[hidden.pair == "clean-robust"].angle < ALIGNED)
    return (
        f"{table.architecture.iloc[0]}: mean angles over all hidden filters θ(w⁰, w) {means['init-clean']:.0f}°, "
        f"θ(w⁰, w′) {means['init-robust']:.0f}°, θ(w, w′) {means['clean-robust']:.0f}°, and with w″ trained "
        f"adversarially from w⁰: θ(w⁰, w″) {means['init-scratch']:.0f}°, θ(w, w″) {means['clean-scratch']:.0f}°. "
        f"‖βw′‖ > ‖v‖ for {aligned:.0%} of the filters."
    )


def _errors(evidence: Evidence, filters: str, signal: str) -> tuple[np.ndarray, list[int]]:
    """Relative errors [seed, signal] of rebuilding from few filters."""
    table = evidence.sparsity
    rows = table[(table.filters == filters) & (table.signal == signal) & (table.atoms == FEW)]
    wide = rows.pivot(index="seed", columns="point", values="error")
    return wide.to_numpy(), wide.index.tolist()


def _sparse(evidence: Evidence) -> tuple[Measurement, ...]:
    robust, seeds = _errors(evidence, "robust", "images")
    clean, _ = _errors(evidence, "clean", "images")
    dense, _ = _errors(evidence, "robust", "perturbations of the clean net")
    words = f"relative error from {FEW} first-layer filters"
    return (
        effect(robust - clean, seeds, f"{words}, images: robust less clean filters", "<=", 0.0),
        effect(dense - robust, seeds, f"{words}, robust filters: clean net's perturbations less images", ">=", 0.0),
    )


def _sparse_note(evidence: Evidence) -> str:
    shares = {
        (filters, signal): _errors(evidence, filters, signal)[0].mean()
        for filters in ("initial", "clean", "robust")
        for signal in ("images", "perturbations of the clean net", "perturbations of the robust net")
    }
    told = "; ".join(
        f"{filters} filters: images {shares[filters, 'images']:.0%}, perturbations of the clean net "
        f"{shares[filters, 'perturbations of the clean net']:.0%}, of the robust net "
        f"{shares[filters, 'perturbations of the robust net']:.0%}"
        for filters in ("initial", "clean", "robust")
    )
    return f"Relative errors from {FEW} filters at any positions (orthogonal matching pursuit). {told}."


INIT = Claim(
    id="real-nets-init",
    title="Filters of trained nets forget where they started",
    statement="Filters after clean training, w, and after adversarial training, w′, are nearly orthogonal to w⁰.",
    refuted_by=f"a hidden layer whose mean angle to w⁰ is below {NEAR_RIGHT_ANGLE:g}° for every seed",
    measure=lambda e: (
        *_angles(e, "init-clean", ">=", NEAR_RIGHT_ANGLE),
        *_angles(e, "init-robust", ">=", NEAR_RIGHT_ANGLE),
    ),
    note=_angle_note,
    **_NETS,
)

ALIGNED_FILTERS = Claim(
    id="real-nets-aligned",
    title="Adversarial training purifies the clean filters, it does not replace them",
    statement="Filters w′ after adversarial training from w stay well aligned with w: θ(w, w′) is small.",
    refuted_by=f"a hidden layer whose mean angle between w and w′ is above {ALIGNED:g}° for every seed",
    measure=lambda e: _angles(e, "clean-robust", "<=", ALIGNED),
    note=_angle_note,
    **_NETS,
)

SPARSE = Claim(
    id="real-nets-sparse",
    title="Robust filters rebuild images sparsely, perturbations only densely",
    statement=(
        "Images are sparse combinations of the robust net's first-layer features, more so than of the clean net's; "
        "adversarial perturbations of the clean net are not."
    ),
    refuted_by="images rebuilt worse than from the clean filters, or perturbations rebuilt better than images",
    measure=_sparse,
    note=_sparse_note,
    experiment="convnet",
    source=_SOURCE,
)

CLAIMS = (INIT, ALIGNED_FILTERS, SPARSE)

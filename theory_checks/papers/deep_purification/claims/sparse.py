"""real-nets-sparse: robust filters rebuild images sparsely, perturbations only densely."""

import numpy as np

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.papers.deep_purification.claims.hidden_angles import SOURCE
from theory_checks.papers.deep_purification.figures import PERTURBATIONS, SPARSITY_CURVES
from theory_checks.papers.deep_purification.tables import SPARSITY
from theory_checks.quantities import effect
from theory_checks.verdict import Measurement

FEW = 4  # filters to rebuild an image from
_IMAGES, _OF_CLEAN, _OF_ROBUST = "images", "perturbations of the clean net", "perturbations of the robust net"


def _errors(evidence: Evidence, filters: str, signal: str) -> tuple[np.ndarray, list[int]]:
    """Relative errors [seed, signal] of rebuilding from few filters."""
    table = evidence[SPARSITY]
    rows = table[(table.filters == filters) & (table.signal == signal) & (table.atoms == FEW)]
    wide = rows.pivot(index="seed", columns="point", values="error")
    return wide.to_numpy(), wide.index.tolist()


def _sparse(evidence: Evidence) -> tuple[Measurement, ...]:
    robust, seeds = _errors(evidence, "robust", _IMAGES)
    clean, _ = _errors(evidence, "clean", _IMAGES)
    dense, _ = _errors(evidence, "robust", _OF_CLEAN)
    words, unit = f"relative error from {FEW} first-layer filters", "share of the ℓ2 norm"
    return (
        effect(robust - clean, seeds, f"{words}, images: robust less clean filters", "<=", 0.0, unit),
        effect(
            dense - robust, seeds, f"{words}, robust filters: clean net's perturbations less images", ">=", 0.0, unit
        ),
    )


def _note(evidence: Evidence) -> str:
    def share(filters: str, signal: str) -> str:
        return f"{_errors(evidence, filters, signal)[0].mean():.0%}"

    told = "; ".join(
        f"{filters} filters: images {share(filters, _IMAGES)}, perturbations of the clean net "
        f"{share(filters, _OF_CLEAN)}, of the robust net {share(filters, _OF_ROBUST)}"
        for filters in ("initial", "clean", "robust")
    )
    return f"Relative errors from {FEW} filters at any positions (orthogonal matching pursuit). {told}."


CLAIM = Claim(
    id="real-nets-sparse",
    title="Robust filters rebuild images sparsely, perturbations only densely",
    statement=(
        "Images are sparse combinations of the robust net's first-layer features, more so than of the clean net's; "
        "adversarial perturbations of the clean net are not."
    ),
    refuted_by="images rebuilt worse than from the clean filters, or perturbations rebuilt better than images",
    measure=_sparse,
    kind="experiment",
    note=_note,
    experiment="convnet",
    source=SOURCE,
    figures=(SPARSITY_CURVES, PERTURBATIONS),
)

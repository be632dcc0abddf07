"""infinite-data: neither overfitting nor a missing regulariser is to blame."""

from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.measuring.two_layer import SHOWS_99_PERCENT
from theory_checks.papers.feature_purification.figures import TRAINING_CURVES
from theory_checks.quantities import accuracy, exact
from theory_checks.verdict import Measurement


def _fresh_and_regularised(evidence: Evidence) -> tuple[Measurement, ...]:
    phases = evidence.config.training.clean
    fresh = sum(p.steps for p in phases if p.sample_size is None) / sum(p.steps for p in phases)
    decay = min(p.weight_decay for p in phases)
    share, least = ([(seed, value) for seed in evidence.seeds] for value in (fresh, decay))
    return (
        accuracy(evidence, "clean", "none", ">=", 0.99),
        accuracy(evidence, "clean", "worst", "<=", 0.01),
        exact("share of clean steps on fresh samples", ">=", 1.0, share, unit="share of steps"),
        exact("least weight decay λ in clean training", ">=", 1e-5, least),
    )


CLAIM = Claim(
    id="infinite-data",
    title="Infinite data and weight decay do not help",
    statement=(
        "Clean training is accurate and non-robust even with a fresh sample at every step and with "
        "weight decay λ > 0: neither overfitting nor the lack of a regulariser is the cause."
    ),
    source="Allen-Zhu & Li, Feature Purification (arXiv 2005.10190), main theorem, clean part, and its discussion",
    refuted_by="clean accuracy below 99% or robust accuracy above 1% with fresh samples and λ > 0",
    measure=_fresh_and_regularised,
    smallest_dimension=SHOWS_99_PERCENT,
    figures=(TRAINING_CURVES,),
)

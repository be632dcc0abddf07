"""infinite-data: neither overfitting nor a missing regulariser is to blame."""

from theory_checks.claims.claim import Claim, accuracy
from theory_checks.evidence import Evidence
from theory_checks.verdict import Measurement, SeedValue


def _fresh_and_regularised(evidence: Evidence) -> tuple[Measurement, ...]:
    phases = evidence.config["training"]["clean"]
    seeds = sorted(int(seed) for seed in evidence.robustness.seed.unique())
    fresh = sum(p["steps"] for p in phases if p["sample_size"] is None) / sum(p["steps"] for p in phases)
    decay = min(p["weight_decay"] for p in phases)
    return (
        accuracy(evidence, "clean", "none", ">=", 0.99),
        accuracy(evidence, "clean", "worst", "<=", 0.01),
        Measurement("share of clean steps on fresh samples", ">=", 1.0, _exact(seeds, fresh)),
        Measurement("least weight decay λ in clean training", ">=", 1e-5, _exact(seeds, decay)),
    )


def _exact(seeds: list[int], value: float) -> tuple[SeedValue, ...]:
    return tuple(SeedValue(seed, value, value, value) for seed in seeds)


CLAIM = Claim(
    id="infinite-data",
    title="Infinite data and weight decay do not help",
    statement=(
        "Clean training is accurate and non-robust even with a fresh sample at every step and with "
        "weight decay λ > 0: neither overfitting nor the lack of a regulariser is the cause."
    ),
    source="Allen-Zhu & Li, Feature Purification (arXiv 2005.10190), Theorem 5.1 and its discussion",
    refuted_by="clean accuracy below 99% or robust accuracy above 1% with fresh samples and λ > 0",
    measure=_fresh_and_regularised,
)

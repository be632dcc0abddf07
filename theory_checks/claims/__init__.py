"""One file a claim: statement, source, what would refute it, and `check(evidence) -> Verdict`."""

from theory_checks.claims import (
    adversarial_robust,
    any_perturbation,
    clean_accuracy,
    clean_nonrobust,
    decomposition,
    dense_mixture,
    feature_race,
    infinite_data,
    init_decorrelated,
    linear_bound,
    linf,
    noise_robust,
    ntk_bound,
    polynomial_bound,
    pure_perturbations,
    purification,
    real_nets,
    robust_optimisation,
    structured_adversarial,
    structured_standard,
    transfer,
)
from theory_checks.claims.claim import Claim

CLAIMS: tuple[Claim, ...] = (
    clean_accuracy.CLAIM,
    clean_nonrobust.CLAIM,
    infinite_data.CLAIM,
    noise_robust.CLAIM,
    init_decorrelated.CLAIM,
    dense_mixture.CLAIM,
    decomposition.CLAIM,
    adversarial_robust.FGM,
    adversarial_robust.PGD,
    any_perturbation.CLAIM,
    purification.CLAIM,
    pure_perturbations.CLAIM,
    transfer.CLAIM,
    linf.CLAIM,
    linear_bound.CLAIM,
    polynomial_bound.CLAIM,
    ntk_bound.CLAIM,
    *structured_standard.CLAIMS,
    *structured_adversarial.CLAIMS,
    feature_race.CLAIM,
    *robust_optimisation.CLAIMS,
    *real_nets.CLAIMS,
)

__all__ = ["CLAIMS", "Claim"]

"""One file a claim: statement, source, what would refute it, and the quantities that it bounds."""

from theory_checks.paper import claims_in

CLAIMS = claims_in(
    __name__,
    order=(
        "mechanism",
        "more-clean-training",
        "selectivity",
        "clean-accuracy",
        "clean-nonrobust",
        "infinite-data",
        "noise-robust",
        "init-decorrelated",
        "dense-mixture",
        "accumulating",
        "decomposition",
        "adversarial-robust",
        "adversarial-robust-pgd",
        "any-perturbation",
        "purification",
        "pure-perturbations",
        "transfer",
        "linf",
        "general",
        "paper-algorithm",
    ),
)

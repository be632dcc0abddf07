"""The claims: statement, source, what would refute each, and the quantities that it bounds."""

from theory_checks.paper import claims_in

CLAIMS = claims_in(
    __name__,
    order=(
        "standard-fits",
        "standard-features",
        "standard-accurate",
        "standard-nonrobust",
        "adversarial-fits",
        "adversarial-features",
        "adversarial-accurate",
        "adversarial-robust-patches",
        "feature-race",
    ),
)

"""The claims: statement, source, what would refute each, and the exponents that it bounds."""

from theory_checks.paper import claims_in

CLAIMS = claims_in(
    __name__,
    order=(
        "scaling-linear",
        "scaling-gap",
        "scaling-memory",
        "scaling-clean",
        "scaling-clean-finite",
        "scaling-robust",
        "scaling-mixture",
    ),
)

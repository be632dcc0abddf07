"""One file a question: statement, source, what would answer it with no, and the quantities that it bounds.

The theorem says nothing about codes that break its assumptions: an answer of no tells how far the theory reaches, not
that it is wrong.
"""

from theory_checks.paper import claims_in

CLAIMS = claims_in(
    __name__,
    order=("natural-codes", "natural-nonrobust", "natural-robust", "natural-purification"),
)

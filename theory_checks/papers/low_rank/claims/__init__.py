"""The claim about low-rank updates: statement, source, what would refute it, and the quantity that it bounds."""

from theory_checks.paper import claims_in

CLAIMS = claims_in(__name__, order=("low-rank",))

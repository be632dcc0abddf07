"""One file a claim: statement, source, what would refute it, and the quantities that it bounds."""

from theory_checks.paper import claims_in

CLAIMS = claims_in(__name__, order=("linear-bound", "polynomial-bound", "ntk-bound"))

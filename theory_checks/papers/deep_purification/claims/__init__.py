"""What is claimed of convolutional nets: statement, source, what would refute it, and the quantities that it bounds."""

from theory_checks.paper import claims_in

CLAIMS = claims_in(__name__, order=("real-nets-init", "real-nets-aligned", "real-nets-sparse"))

"""What is claimed of convolutional nets: statement, source, what would refute it, and the quantities that it bounds."""

from theory_checks.papers.deep_purification.claims import aligned, init, sparse

CLAIMS = (init.CLAIM, aligned.CLAIM, sparse.CLAIM)

"""One file a claim: statement, source, what would refute it, and the quantities that it bounds."""

from theory_checks.papers.simpler_classes.claims import linear_bound, ntk_bound, polynomial_bound

CLAIMS = (linear_bound.CLAIM, polynomial_bound.CLAIM, ntk_bound.CLAIM)

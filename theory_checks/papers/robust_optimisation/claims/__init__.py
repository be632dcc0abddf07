"""One file a claim: statement, source, what would refute it, and the quantities that it bounds."""

from theory_checks.papers.robust_optimisation.claims import clean_accuracy, collection, cost, trained_attack

CLAIMS = (collection.CLAIM, trained_attack.CLAIM, clean_accuracy.CLAIM, cost.CLAIM)

"""The claim about low-rank updates: statement, source, what would refute it, and the quantity that it bounds."""

from theory_checks.papers.low_rank.claims import low_rank

CLAIMS = (low_rank.CLAIM,)

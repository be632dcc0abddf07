"""What seeds that pass, or fail, prove about seeds that were not trained."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from purifyjax.stats import clopper_pearson

Outcome = Literal["holds", "refuted", "inconclusive"]
# Both ends of such a Clopper–Pearson interval are one-sided bounds at 95%: each leaves out 5%.
_BOTH_ENDS = 0.9


@dataclass(frozen=True)
class Passing:
    """How many seeds pass a claim; seeds are independent draws of start, samples and evaluation points.

    A seed that does neither is undecided, and counts for nothing: not as passing where the rate of passing is bounded
    from below, not as failing where it is bounded from above. What is bounded is how often a seed passes *as it is
    judged here*, on its own evaluation points.

    Attributes:
      seeds: n, all that were judged.
      passed: seeds whose intervals are on the right side of every bound.
      failed: seeds with an interval on the wrong side of one, and those whose training diverged.
    """

    seeds: int
    passed: int
    failed: int

    @property
    def at_least(self) -> float:
        """Lower 95% bound p of the share of seeds that pass: Pr[Bin(n, p) ≥ passed] = 5%; 5%^(1/n) if all do."""
        return clopper_pearson(self.passed, self.seeds, _BOTH_ENDS)[0]

    @property
    def at_most(self) -> float:
        """Upper 95% bound of it: Pr[Bin(n, p) ≤ n − failed] = 5%."""
        return clopper_pearson(self.seeds - self.failed, self.seeds, _BOTH_ENDS)[1]

    def outcome(self, share: float) -> Outcome:
        """Whether at least so large a share of seeds passes: with a share of 95% it takes 59 seeds that all do."""
        return "holds" if self.at_least >= share else "refuted" if self.at_most < share else "inconclusive"

    def in_words(self, share: float | None = None) -> str:
        """The proof in one sentence.

        Args:
          share: that is claimed to pass, if the claim is about one.
        """
        undecided = self.seeds - self.passed - self.failed
        beside = f" ({undecided} undecided)" if undecided else ""
        if self.passed == self.seeds:
            who = f"All {self.seeds} seeds pass" if self.seeds > 1 else "The one seed passes"
        else:
            who = f"{self.passed} of {self.seeds} seeds pass{beside}"
        if share is not None:
            proven = (
                f"at least {self.at_least:.1%} and at most {self.at_most:.1%} of all seeds do (95% confidence each)"
            )
            return f"{who}: {proven}; the claim is about at least {share:.0%} of them."
        if self.passed:
            return f"{who}: fewer than {percent(1 - self.at_least)} of all seeds fail (95% confidence)."
        return (
            f"{who}: fewer than {percent(self.at_most)} of all seeds do (95% confidence)." if self.failed else f"{who}."
        )


def percent(share: float) -> str:
    """An upper bound, rounded up."""
    return f"{math.ceil(1000 * share - 1e-9) / 10:g}%"

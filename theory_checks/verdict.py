"""Measurements, and the verdicts that follow from them.

A claim is judged seed by seed: each seed brings a value with a 95% interval, and the claim's bound
must lie outside every interval on the right side. No examples are ever pooled over seeds. A claim about
an effect on average, such as one training's accuracy less another's, is judged by one interval for the mean, in which
seeds and examples are two levels.

A claim of many parts is wrongly held, or wrongly refuted, with a probability of at most 2.5% each:

- It holds if *all* parts of *all* seeds do: an intersection–union test. If one of them is truly on the wrong side, that
  one passes with at most 2.5%, a tail of its own 95% interval, whatever the others do; nothing is to be corrected.
- It is refuted if *one* part is violated, in all seeds. Over the seeds that is an intersection–union test again; over
  the P parts it is a union–intersection test with P chances to err, which share the 2.5% (Bonferroni): what refutes
  are intervals of 1 − 5%/P. Parts without chance, such as shares of all neurons of a net, take no share.

Source: Berger, Technometrics 24 (1982), for intersection–union tests; Roy, Annals of Mathematical Statistics 24
(1953), for union–intersection tests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from scipy import stats

from theory_checks.passing import Passing

Relation = Literal[">=", "<="]
Outcome = Literal["holds", "refuted", "inconclusive"]
# What a claim is: a statement of the source in its setting, an observation that the source reports, or a question of
# ours about data outside the setting.
Kind = Literal["theorem", "experiment", "question"]
# A question is answered; it is not refuted.
ANSWERS: dict[Outcome, str] = {"holds": "yes", "refuted": "no", "inconclusive": "open"}
CONFIDENCE = 0.95  # of the intervals that are reported, and that show a claim


@dataclass(frozen=True)
class SeedValue:
    """One seed's value of a quantity, with its 95% interval; seed None for a number that is no single seed's.

    Attributes:
      interval: gives the ends at any confidence. Without it they are as far from the value as a normal estimate's are,
        in proportion: a number that is known, whose interval is a point, stays one.
    """

    seed: int | None
    value: float
    low: float
    high: float
    interval: Callable[[float], tuple[float, float]] | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, seed: int | None, value: float, interval: Callable[[float], tuple[float, float]]) -> SeedValue:
        """With an interval that is known at every confidence."""
        low, high = interval(CONFIDENCE)
        return cls(seed, float(value), float(low), float(high), interval)

    @property
    def by_chance(self) -> bool:
        """Whether it is an estimate, and not a number that is known."""
        return self.interval is not None or self.low != self.high

    def at(self, confidence: float) -> tuple[float, float]:
        """The interval's ends at a confidence."""
        if confidence == CONFIDENCE or not self.by_chance:
            return self.low, self.high
        if self.interval is not None:
            return self.interval(confidence)
        factor = float(stats.norm.isf((1 - confidence) / 2) / stats.norm.isf((1 - CONFIDENCE) / 2))
        return self.value - factor * (self.value - self.low), self.value + factor * (self.high - self.value)


@dataclass(frozen=True)
class Measurement:
    """A quantity, measured once a seed, and the bound that the claim sets on it.

    Attributes:
      quantity: what is measured, in words.
      unit: of its values; empty for a pure number.
      refutable: False for a quantity that bounds the claim's own from one side, such as certified accuracy, which is
        at most the robust accuracy: it can show the claim, but missing its bound refutes nothing.
      effect: the mean over seeds and examples with its interval, for a claim about an average; it then decides in
        place of the seeds' own intervals.
      parts: how many parts of its claim, this one among them, share the chance of refuting it wrongly; the claim says.
    """

    quantity: str
    relation: Relation
    bound: float
    seeds: tuple[SeedValue, ...]
    refutable: bool = True
    effect: SeedValue | None = None
    unit: str = ""
    parts: int = 1

    @property
    def deciding(self) -> tuple[SeedValue, ...]:
        """Whose intervals decide: the seeds, or the effect."""
        return self.seeds if self.effect is None else (self.effect,)

    @property
    def by_seed(self) -> bool:
        """Whether single seeds decide."""
        return self.effect is None and all(s.seed is not None for s in self.seeds)

    @property
    def by_chance(self) -> bool:
        """Whether chance alone may refute it."""
        return self.refutable and any(value.by_chance for value in self.deciding)

    @property
    def refuting_confidence(self) -> float:
        """Of the intervals that refute."""
        return 1.0 - (1.0 - CONFIDENCE) / self.parts

    @property
    def measured(self) -> float:
        """Mean of the seeds' values (NaN without seeds)."""
        return math.fsum(s.value for s in self.seeds) / len(self.seeds) if self.seeds else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Hull of the seeds' 95% intervals: what the least and the most favourable seed allow (NaN if one is).

        The effect's own interval, if there is one.
        """
        if any(math.isnan(s.low + s.high) for s in self.deciding):
            return math.nan, math.nan
        return (
            min((s.low for s in self.deciding), default=math.nan),
            max((s.high for s in self.deciding), default=math.nan),
        )

    def outcome_of(self, value: SeedValue) -> Outcome:
        """`holds` if the value's 95% interval satisfies the bound, `refuted` if the one that refutes violates it."""
        if not (math.isfinite(value.low) and math.isfinite(value.high)):
            return "inconclusive"
        if self._slack(value.low, value.high) >= 0:
            return "holds"
        # The wider interval, which may be dear, is asked for only where the narrower one lies on the wrong side.
        violated = self._excess(value.low, value.high) > 0 and self._excess(*value.at(self.refuting_confidence)) > 0
        return "refuted" if violated and self.refutable else "inconclusive"

    @property
    def outcome(self) -> Outcome:
        """`holds` if every interval that decides satisfies the bound, `refuted` if every one violates it."""
        found: set[Outcome] = {self.outcome_of(value) for value in self.deciding}
        return found.pop() if len(found) == 1 else "inconclusive"

    @property
    def slack(self) -> float:
        """How far the least favourable end of the interval is on the right side of the bound."""
        return self._slack(*self.interval)

    def _slack(self, low: float, high: float) -> float:
        return low - self.bound if self.relation == ">=" else self.bound - high

    def _excess(self, low: float, high: float) -> float:
        """How far the most favourable end is on the wrong side."""
        return self.bound - high if self.relation == ">=" else low - self.bound


def together(parts: Sequence[Measurement]) -> tuple[Measurement, ...]:
    """Parts of one claim, which share the chance of refuting it wrongly."""
    chances = max(1, sum(part.by_chance for part in parts))
    return tuple(replace(part, parts=chances) for part in parts)


@dataclass(frozen=True)
class Verdict:
    """The judgement on one claim.

    Attributes:
      id, title, statement, source, kind, refuted_by: the claim, as its file states it.
      paper: whose claim it is.
      experiments: the trained experiments that the measurements come from.
      parts: every quantity that the claim bounds; the claim holds only if all of them do.
      note: caveats (finite size, what was searched, which size would decide).
      reachable: False when theory says that this size cannot show the claim; a miss is then
        `inconclusive`, never `refuted`.
      figures: names of those that show it.
      diverged: how many seeds were left out since their training diverged.
    """

    id: str
    title: str
    statement: str
    source: str
    experiments: tuple[str, ...]
    parts: tuple[Measurement, ...]
    note: str = ""
    reachable: bool = True
    kind: Kind = "theorem"
    refuted_by: str = ""
    paper: str = ""
    figures: tuple[str, ...] = ()
    diverged: int = 0

    @property
    def outcome(self) -> Outcome:
        """`holds` if every part does, `refuted` if one is and the size could have shown the claim."""
        outcomes = [part.outcome for part in self.parts]
        if outcomes and all(outcome == "holds" for outcome in outcomes):
            return "holds"
        if "refuted" in outcomes and self.reachable:
            return "refuted"
        return "inconclusive"

    @property
    def answer(self) -> str:
        """The outcome in the words of the claim's kind: yes, no or open for a question."""
        return ANSWERS[self.outcome] if self.kind == "question" else self.outcome

    @property
    def passing(self) -> Passing | None:
        """How many seeds pass all parts; None for a claim about averages, or about what is no seed's."""
        by_seed = [{s.seed: p.outcome_of(s) for s in p.seeds} for p in self.parts if p.by_seed]
        common = set.intersection(*map(set, by_seed)) if by_seed else set()
        if not common:
            return None
        found = [[outcomes[seed] for outcomes in by_seed] for seed in common]
        passed = sum(all(outcome == "holds" for outcome in own) for own in found)
        failed = sum("refuted" in own for own in found)
        return Passing(len(found) + self.diverged, passed, failed + self.diverged)

    @property
    def binding(self) -> Measurement:
        """The part that decides: a refuted one before an inconclusive one, then the least slack."""
        rank = {"refuted": 0, "inconclusive": 1, "holds": 2}
        return min(self.parts, key=lambda part: (rank[part.outcome], part.slack))

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds behind the deciding part."""
        return tuple(s.seed for s in self.binding.seeds if s.seed is not None)


def exit_status(verdicts: Sequence[Verdict], *, strict: bool = False) -> int:
    """0 when no theorem or experiment is refuted, 1 when one is, 3 when one is undecided and that is asked for."""
    judged = [verdict.outcome for verdict in verdicts if verdict.kind != "question"]
    if "refuted" in judged:
        return 1
    return 3 if strict and "inconclusive" in judged else 0

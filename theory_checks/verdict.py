"""Measurements, and the verdicts that follow from them.

A claim is judged seed by seed: each seed brings a value with a 95% interval, and the claim's bound
must lie outside every interval on the right side. No examples are ever pooled over seeds. A claim about
an effect on average, such as one training's accuracy less another's, is judged by one interval for the mean, in which
seeds and examples are two levels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Relation = Literal[">=", "<="]
Outcome = Literal["holds", "refuted", "inconclusive"]
# What a claim is: a statement of the source in its setting, an observation that the source reports, or a question of
# ours about data outside the setting.
Kind = Literal["theorem", "experiment", "question"]
# A question is answered; it is not refuted.
ANSWERS: dict[Outcome, str] = {"holds": "yes", "refuted": "no", "inconclusive": "open"}


@dataclass(frozen=True)
class SeedValue:
    """One seed's value of a quantity, with its 95% interval; seed None for a number that is no single seed's."""

    seed: int | None
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Measurement:
    """A quantity, measured once a seed, and the bound that the claim sets on it.

    Attributes:
      quantity: what is measured, in words.
      unit: of its values; empty for a pure number.
      refutable: False for a quantity that bounds the claim's own from one side, such as certified accuracy, which is
        at most the robust accuracy: it can show the claim, but missing its bound refutes nothing.
      effect: 95% interval of the mean over seeds and examples, for a claim about an average; it then decides in place
        of the seeds' own intervals.
    """

    quantity: str
    relation: Relation
    bound: float
    seeds: tuple[SeedValue, ...]
    refutable: bool = True
    effect: tuple[float, float] | None = None
    unit: str = ""

    @property
    def measured(self) -> float:
        """Mean of the seeds' values (NaN without seeds)."""
        return math.fsum(s.value for s in self.seeds) / len(self.seeds) if self.seeds else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Hull of the seeds' 95% intervals: what the least and the most favourable seed allow (NaN if one is).

        The effect's own interval, if there is one.
        """
        if self.effect is not None:
            return self.effect
        if any(math.isnan(s.low + s.high) for s in self.seeds):
            return math.nan, math.nan
        return (
            min((s.low for s in self.seeds), default=math.nan),
            max((s.high for s in self.seeds), default=math.nan),
        )

    @property
    def outcome(self) -> Outcome:
        """`holds` if every interval that decides satisfies the bound, `refuted` if every one violates it."""
        low, high = self.interval
        if not (math.isfinite(low) and math.isfinite(high)):
            return "inconclusive"
        intervals = [(s.low, s.high) for s in self.seeds] if self.effect is None else [self.effect]
        satisfied = all(self._within(low, high) for low, high in intervals)
        if self.relation == ">=":
            violated = all(high < self.bound for _, high in intervals)
        else:
            violated = all(low > self.bound for low, _ in intervals)
        return "holds" if satisfied else "refuted" if violated and self.refutable else "inconclusive"

    def met_on(self, seed: int) -> bool:
        """Whether the seed's own interval satisfies the bound."""
        return any(s.seed == seed and self._within(s.low, s.high) for s in self.seeds)

    def _within(self, low: float, high: float) -> bool:
        return low >= self.bound if self.relation == ">=" else high <= self.bound

    @property
    def slack(self) -> float:
        """How far the least favourable end of the interval is on the right side of the bound."""
        low, high = self.interval
        return low - self.bound if self.relation == ">=" else self.bound - high


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

"""Measurements: a quantity once a seed, with its uncertainty, and what follows from it about the claim's bound."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import scipy

from theory_checks.passing import Outcome, Passing

Relation = Literal[">=", "<="]
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
        factor = float(scipy.stats.norm.isf((1 - confidence) / 2) / scipy.stats.norm.isf((1 - CONFIDENCE) / 2))
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
      share: of seeds that have to pass; None for all of them; the claim says this too.
    """

    quantity: str
    relation: Relation
    bound: float
    seeds: tuple[SeedValue, ...]
    refutable: bool = True
    effect: SeedValue | None = None
    unit: str = ""
    parts: int = 1
    share: float | None = None

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
        """`holds` if every interval that decides satisfies the bound, `refuted` if every one violates it.

        Of a share of seeds: what `Passing` says.
        """
        found: list[Outcome] = [self.outcome_of(value) for value in self.deciding]
        if self.share is not None and self.by_seed and found:
            return Passing(len(found), found.count("holds"), found.count("refuted")).outcome(self.share)
        return found[0] if len(set(found)) == 1 else "inconclusive"

    @property
    def slack(self) -> float:
        """How far the least favourable end of the interval is on the right side of the bound."""
        return self._slack(*self.interval)

    def _slack(self, low: float, high: float) -> float:
        return low - self.bound if self.relation == ">=" else self.bound - high

    def _excess(self, low: float, high: float) -> float:
        """How far the most favourable end is on the wrong side."""
        return self.bound - high if self.relation == ">=" else low - self.bound


def together(parts: Sequence[Measurement], share: float | None = None) -> tuple[Measurement, ...]:
    """Parts of one claim, which share the chance of refuting it wrongly, and the share of seeds that have to pass."""
    chances = max(1, sum(part.by_chance for part in parts))
    return tuple(replace(part, parts=chances, share=share) for part in parts)

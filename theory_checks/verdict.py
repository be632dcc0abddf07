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

Where seeds are many a claim may be about a share of them (`Verdict.share`): each seed passes or fails by its own
intervals, all parts together, and the count is judged by exact binomial bounds, see `passing`.

Source: Berger, Technometrics 24 (1982), for intersection–union tests; Roy, Annals of Mathematical Statistics 24
(1953), for union–intersection tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from theory_checks.measurement import CONFIDENCE, Measurement, Relation, SeedValue, together
from theory_checks.passing import Outcome, Passing

__all__ = [
    "ANSWERS",
    "CONFIDENCE",
    "Kind",
    "Measurement",
    "Outcome",
    "Relation",
    "SeedValue",
    "Verdict",
    "exit_status",
    "together",
]

# What a claim is: a statement of the source in its setting, an observation that the source reports, or a question of
# ours about data outside the setting.
Kind = Literal["theorem", "experiment", "question"]
# A question is answered; it is not refuted.
ANSWERS: dict[Outcome, str] = {"holds": "yes", "refuted": "no", "inconclusive": "open"}


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
      share: of all seeds that are claimed to pass, at 95% confidence; None if all that were judged have to.
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
    share: float | None = None

    @property
    def outcome(self) -> Outcome:
        """`holds` if every part does, `refuted` if one is and the size could have shown the claim.

        Of a share of seeds: their count stands for all parts that single seeds decide.
        """
        passing = None if self.share is None else self.passing
        outcomes: list[Outcome] = [part.outcome for part in self.parts if passing is None or not part.by_seed]
        if self.share is not None and passing is not None:
            outcomes.append(passing.outcome(self.share))
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

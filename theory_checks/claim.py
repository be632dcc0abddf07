"""What a claim is: a statement, what would refute it, and the quantities that it bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from theory_checks.evidence import Evidence
from theory_checks.figure import Figure
from theory_checks.verdict import Kind, Measurement, Verdict, together


@dataclass(frozen=True)
class Claim:
    """A paper's claim and how it is measured.

    Attributes:
      id: its short name on the command line and in reports.
      title: a few words.
      statement: what the source says, in its terms.
      source: paper and part of it.
      refuted_by: the observation that would refute it (of a question: that would answer it with no).
      measure: the quantities that it bounds, from the evidence of one of its experiments.
      kind: "theorem", a statement of the source in its setting; "experiment", what the source reports; "question",
        asked by us about data outside the setting, which is answered and never counts as a refutation.
      experiment: the experiment that it looks at.
      also: further experiments on which it must hold as well.
      smallest_dimension: d below which theory puts the bound out of reach; a miss there is inconclusive.
      note: a caveat for the report.
      figures: that show it, drawn from each of its experiments that has their table.
    """

    id: str
    title: str
    statement: str
    source: str
    refuted_by: str
    measure: Callable[[Evidence], tuple[Measurement, ...]]
    kind: Kind = "theorem"
    experiment: str = "default"
    also: tuple[str, ...] = ()
    smallest_dimension: int = 0
    note: Callable[[Evidence], str] | str = ""
    figures: tuple[Figure, ...] = ()

    @property
    def experiments(self) -> tuple[str, ...]:
        """All that it looks at."""
        return (self.experiment, *self.also)

    def check(self, evidences: Mapping[str, Evidence], paper: str = "", share: float | None = None) -> Verdict:
        """The verdict, from the evidence of the claim's experiments alone.

        Args:
          paper: its name.
          share: of all seeds that have to pass; None for every seed that was judged.
        """
        found = [evidences[name] for name in self.experiments]
        # The same words about several experiments are said once.
        notes = dict.fromkeys(self.note if isinstance(self.note, str) else self.note(evidence) for evidence in found)
        note = " ".join(filter(None, notes))
        dimension = found[0].config.dimension if self.smallest_dimension else 0
        verdict = Verdict(
            id=self.id,
            title=self.title,
            statement=self.statement,
            source=self.source,
            experiments=self.experiments,
            parts=together([part for evidence in found for part in self.measure(evidence)], share),
            note=note,
            reachable=dimension >= self.smallest_dimension,
            kind=self.kind,
            refuted_by=self.refuted_by,
            paper=paper,
            figures=tuple(figure.file(e) for e in found for figure in self.figures if figure.shows(e)),
            diverged=len({seed for evidence in found for seed in evidence.diverged}),
            share=share,
        )
        if verdict.reachable or verdict.outcome == "holds":
            return verdict
        short = f"d = {dimension} is too small for this bound: it takes d ≥ {self.smallest_dimension}."
        return replace(verdict, note=f"{note} {short}".strip())

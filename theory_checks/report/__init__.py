"""Reports: verdicts on the console, and a folder with JSON, Parquet, figures and a page of HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from purifyjax.files import remove
from purifyjax.sweep import describe
from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.paper import Paper
from theory_checks.report.console import format_verdict, print_table
from theory_checks.report.drawing import Drawn, draw
from theory_checks.report.html import write_html
from theory_checks.report.json_report import write_verdicts
from theory_checks.report.tables import write_table, write_tables
from theory_checks.report.timing import in_a_line
from theory_checks.spans import TIMING, Spans, span
from theory_checks.verdict import Verdict

__all__ = ["Report", "format_verdict", "in_a_line", "print_table"]


class Report:
    """The report of a run under the folder `out`, rewritten whenever claims are judged.

    verdicts.json, tables/*.parquet, figures/*.png and *.svg, report.html; in this order, so that the numbers are safe
    before the pictures are drawn. What an earlier report left there goes at the first writing: tables of other
    settings never lie beside these verdicts.

    Args:
      claims: all that are to be judged, with their papers, in the order of the report.
      profile: its name.
      command: the command line that repeats the run.
      setting: the sizes, γ and τ of the run in one line.
      spans: where its time goes.
      kept: folder with copies of its figures, which are drawn again only if their numbers or the code changed.
    """

    def __init__(
        self,
        out: Path,
        claims: Sequence[tuple[Paper, Claim]],
        *,
        profile: str,
        command: str,
        setting: str = "",
        spans: Spans | None = None,
        kept: Path | None = None,
    ) -> None:
        self.out, self.claims, self.profile, self.command, self.setting = out, claims, profile, command, setting
        self.spans, self.kept = spans, kept
        self._figures: dict[str, Drawn] = {}
        self._written: set[str] = set()

    @span("disk")
    def write(self, verdicts: Mapping[str, Verdict], evidences: Mapping[str, Evidence]) -> None:
        """Write what is known by now, each file atomically.

        Args:
          verdicts: by claim.
          evidences: by experiment, in the order of the tables' rows.
        """
        if not self._written:
            for folder in ("tables", "figures"):
                remove(self.out / folder)
        judged = [(claim, verdicts[claim.id]) for _, claim in self.claims if claim.id in verdicts]
        pending = [claim.id for _, claim in self.claims if claim.id not in verdicts]
        measured = list(evidences.values())
        made = [environment for evidence in measured for environment in evidence.environments]
        environments = [environment for place, environment in enumerate(made) if environment not in made[:place]]
        config = {name: describe(evidence.config) for name, evidence in evidences.items()}
        told = [verdict for _, verdict in judged]
        common = {"profile": self.profile, "config": config, "environments": environments, "pending": pending}
        write_verdicts(self.out / "verdicts.json", told, **common)
        fresh = {table for name, e in evidences.items() if name not in self._written for table in e.tables}
        write_tables(self.out / "tables", measured, fresh)
        self._written |= set(evidences)
        for claim, _ in judged:
            own = [evidences[name] for name in claim.experiments]
            draw(self.out / "figures", claim, own, self._figures, self.kept)
        timing = None
        if self.spans is not None:
            timing = self.spans.table()
            write_table(self.out / "tables", TIMING.name, timing)
        write_html(
            self.out / "report.html",
            told,
            self._figures,
            **common,
            command=self.command,
            setting=self.setting,
            papers={paper.name: f"{paper.title} ({paper.source})" for paper, _ in self.claims},
            tables=[frame for evidence in measured for frame in evidence.tables.values()],
            timing=timing,
        )

"""Reports: a table on the console, and a folder with JSON, Parquet, figures and a page of HTML."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from theory_checks.evidence import Evidence
from theory_checks.report.console import print_table
from theory_checks.report.environment import Environment
from theory_checks.report.figures import draw_figures
from theory_checks.report.html import write_html
from theory_checks.report.json_report import write_verdicts
from theory_checks.report.tables import write_tables
from theory_checks.verdict import Verdict

__all__ = ["print_table", "write_report"]


def write_report(
    out: str | os.PathLike[str],
    verdicts: Sequence[Verdict],
    evidences: Mapping[str, Evidence],
    *,
    profile: str,
    environment: Environment,
    command: str | None = None,
    setting: str = "",
) -> None:
    """Write everything about a run under the folder `out`, each file atomically.

    verdicts.json, tables/*.parquet, figures/*.png and *.svg, report.html; in this order, so that the
    numbers are safe before the pictures are drawn.

    Args:
      out: the folder; made if missing, files of an earlier report are replaced.
      verdicts: one per claim, in the order of the report.
      evidences: by the experiment's name.
      profile: name of the profile that was run.
      environment: from `environment.environment()`.
      command: the command line that repeats the run, for the page.
      setting: the sizes, γ and τ of the run in one line, for the page.
    """
    folder = Path(out)
    config = {name: evidence.config for name, evidence in evidences.items()}
    measured = list(evidences.values())
    write_verdicts(folder / "verdicts.json", verdicts, profile=profile, config=config, environment=environment)
    write_tables(folder / "tables", measured)
    figures = draw_figures(folder / "figures", measured)
    write_html(
        folder / "report.html",
        verdicts,
        figures,
        profile=profile,
        config=config,
        environment=environment,
        command=command or f"python -m theory_checks.all --profile {profile}",
        setting=setting,
    )

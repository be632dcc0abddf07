"""A whole run: train, measure, judge and report, with every verdict as soon as it is known."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Sequence
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any

from purifyjax.commands.progress import say
from purifyjax.commands.terminal import width
from purifyjax.errors import require
from purifyjax.files import remove
from purifyjax.sealed import DamagedError, read_sealed, write_sealed
from theory_checks import catalogue
from theory_checks.options import Options, writable
from theory_checks.paper import Paper
from theory_checks.plan import plan
from theory_checks.report import Report, format_verdict, in_a_line, print_table
from theory_checks.runner import Runner
from theory_checks.session import Session
from theory_checks.spans import recording
from theory_checks.store import locked, sweep
from theory_checks.verdict import Verdict, exit_status

SETTINGS = "run.json"
# Settings of a run that change its report, but for the seeds.
SAME = ("profile", "only", "radius", "dataset")


def check(options: Options, papers: Sequence[Paper] | None = None) -> int:
    """Run what the options ask for; the exit status.

    Args:
      papers: whose claims are checked; all that are found if None.
    """
    known = catalogue.papers() if papers is None else tuple(papers)
    asked = plan(options, known)
    out = writable(options.folder)
    with locked(out), recording() as spans:
        sweep(out)
        write_sealed(out / SETTINGS, settings(options) | {"ran": asked.seeds.tolist()})
        say(f"profile {options.profile}: {len(asked.claims)} claims on {len(asked.experiments)} experiments")
        if asked.without:
            say(f"profile {options.profile}: no sizes for {', '.join(asked.without)}, and no verdict")
        if options.profile == "quick" and not options.only:
            say("all claims, at the sizes that can show them: --profile standard")
        runner = Runner(out, asked.seeds, resume=options.resume, command=options.command())
        session = Session(asked.experiments, runner, options.profile)
        about = {"profile": options.profile, "command": options.command(), "setting": asked.setting}
        kept = out / "store" / "figures"
        if not options.resume:
            remove(kept)
        report = Report(out, asked.claims, spans=spans, kept=kept, **about)
        verdicts: dict[str, Verdict] = {}
        # Closed before the folder is given up: experiments run side by side, and all have to end.
        with closing(session.verdicts(asked.claims)) as batches:
            for judged in batches:
                verdicts |= {verdict.id: verdict for verdict in judged}
                for verdict in judged:
                    say(format_verdict(verdict, width()), sys.stdout)
                report.write(verdicts, session.evidences)
        for name, evidence in session.evidences.items():
            session.runner.export(asked.experiments[name], evidence.seeds)
    told = [verdicts[claim.id] for _, claim in asked.claims]
    print(f"\n{textwrap.fill(asked.setting, width())}\n")
    print_table(told)
    say(f"{in_a_line(spans.table())}; report: {out / 'report.html'}")
    return exit_status(told, strict=options.strict)


def settings(options: Options) -> dict[str, Any]:
    """What is kept in a folder about its run, see `remembered`."""
    directory = None if options.data_dir is None else str(options.data_dir)
    return {name: getattr(options, name) for name in (*SAME, "seeds")} | {"data_dir": directory}


def remembered(folder: Path) -> tuple[Options, tuple[int, ...]]:
    """The settings and seeds of the run in a folder; `ConfigError` if there was none, `DamagedError` if it is lost."""
    require(
        os.path.exists(folder / SETTINGS), "FOLDER", str(folder), f"it is not the output folder of a run: no {SETTINGS}"
    )
    try:
        found = read_sealed(folder / SETTINGS)
        kept = {field.name: found[field.name] for field in fields(Options) if field.name in found}
        directory = None if found["data_dir"] is None else Path(found["data_dir"])
        return Options(**kept | {"only": tuple(found["only"]), "data_dir": directory}), tuple(found["ran"])
    except (DamagedError, KeyError):
        anew = "run what was run in that folder again, which writes it anew"
        raise DamagedError(f"{folder / SETTINGS} is damaged, or of another version: {anew}") from None

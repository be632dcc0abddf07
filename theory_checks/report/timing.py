"""Where the time of a run went, on the page and in a line."""

from __future__ import annotations

import pandas as pd

from theory_checks.report.markup import escaped
from theory_checks.spans import elapsed

_WORDS = {
    "train": "training",
    "measure": "measuring",
    "attack": "attacks",
    "certify": "certificates",
    "fit": "fits",
    "draw": "figures",
    "disk": "files",
    "other": "other",
}
_SPENT = ["wall", "cpu", "compiling", "programs", "reused"]
_HEADS = ("seconds", "of processors", "cores busy", "compiling", "programs", "of them reused")


def in_a_line(timing: pd.DataFrame) -> str:
    """The seconds of a run, and what they were spent on, the most first: what took none is not told.

    Args:
      timing: rows of `spans.TIMING`.
    """
    whole = elapsed(timing)
    alone = (timing.wall - timing.compiling).groupby(timing.kind).sum()
    parts = [(float(seconds), f"{_WORDS[str(kind)]} {seconds:.0f}") for kind, seconds in alone.items()]
    compiling = float(timing.compiling.sum())
    made = f"{timing.programs.sum()} programs, {timing.reused.sum()} reused"
    parts.append((compiling, f"compiling {compiling:.0f} ({made})"))
    told = ", ".join(text for seconds, text in sorted(parts, reverse=True) if seconds >= 0.5)
    busy = f"{timing.cpu.sum() / whole:.1f} cores busy" if whole else ""
    return f"{whole:.0f} s" + (f", {busy}: {told}" if told else "")


def timing_section(timing: pd.DataFrame | None) -> str:
    """A table of the seconds by experiment and kind of work, folded; empty without rows."""
    if timing is None or timing.empty:
        return ""
    spent = timing.groupby(["experiment", "kind"], sort=False)[_SPENT].sum().reset_index()
    lines = [_row(row.experiment, _WORDS[str(row.kind)], row) for row in spent.itertuples()]
    whole = timing[_SPENT].sum()
    whole["wall"] = elapsed(timing)
    lines.append(_row("all", "", whole))
    names = "<th>experiment</th><th>work</th>"
    heads = names + "".join(f'<th class="number">{head}</th>' for head in _HEADS)
    return (
        '<section class="card scroll" id="timing"><h2>Time</h2>\n'
        f"<details><summary>Where the last run's {whole['wall']:.0f} s went</summary>\n"
        f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n" + "\n".join(lines) + "\n</tbody>\n</table>\n"
        "</details></section>"
    )


def _row(experiment: object, work: str, spent) -> str:
    cores = spent.cpu / spent.wall if spent.wall else 0.0
    numbers = [f"{seconds:.1f}" for seconds in (spent.wall, spent.cpu, cores, spent.compiling)]
    numbers += [f"{count:.0f}" for count in (spent.programs, spent.reused)]
    cells = "".join(f'<td class="number">{number}</td>' for number in numbers)
    return f"<tr><td>{escaped(experiment)}</td><td>{work}</td>{cells}</tr>"

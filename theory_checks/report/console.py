"""Verdicts as a table of plain text, at most 100 columns wide."""

from __future__ import annotations

import os
import sys
import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import TextIO

from theory_checks.passing import percent
from theory_checks.seeds import seed_ranges
from theory_checks.verdict import ANSWERS, Verdict

WIDTH = 100
_HEADER = ("claim", "verdict", "measured", "95% interval", "bound", "seeds")
_NUMBERS = (2, 3)
_WIDEST_SEEDS = 12
_GAP = "  "
_COLOURS = {"holds": "\033[32m", "refuted": "\033[1;31m", "inconclusive": "\033[33m"}
_RESET = "\033[0m"


def print_table(verdicts: Sequence[Verdict], stream: TextIO | None = None) -> None:
    """Print `format_table(verdicts)` to `stream` (standard output).

    Coloured only when the stream is a terminal and the environment variable NO_COLOR is unset or empty
    (https://no-color.org). Characters that the stream's encoding lacks are replaced.
    """
    out: TextIO = sys.stdout if stream is None else stream
    colour = out.isatty() and not os.environ.get("NO_COLOR")
    encoding = getattr(out, "encoding", None) or "utf-8"
    text = format_table(verdicts, colour=colour)
    print(text.encode(encoding, "replace").decode(encoding), file=out, flush=True)


def format_table(verdicts: Sequence[Verdict], *, colour: bool = False) -> str:
    """Table of the verdicts, with the deciding quantity of each, the notes of those that do not hold
    and a summary line.

    Args:
      verdicts: one per claim.
      colour: whether to colour the verdicts by ANSI sequences, which take no columns.

    Returns:
      Lines of at most 100 visible characters, without a newline at the end.
    """
    rows = [_HEADER, *(_row(verdict) for verdict in verdicts)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    # Only a claim's name can be arbitrarily long: it gives way.
    widths[0] = max(1, min(widths[0], WIDTH - sum(widths[1:]) - len(_GAP) * (len(widths) - 1)))
    lines = [_line(_HEADER, widths), "-" * min(WIDTH, sum(widths) + len(_GAP) * (len(widths) - 1))]
    for verdict, row in zip(verdicts, rows[1:], strict=True):
        line = _line(row, widths)
        if colour:
            start = widths[0] + len(_GAP)
            end = start + len(row[1])
            line = f"{line[:start]}{_COLOURS[verdict.outcome]}{line[start:end]}{_RESET}{line[end:]}"
        lines.append(line)
    lines.append("")
    for verdict in verdicts:
        if verdict.note and verdict.outcome != "holds":
            lines += textwrap.wrap(f"{verdict.id}: {verdict.note}", WIDTH, subsequent_indent="  ")
    if lines[-1]:
        lines.append("")
    lines += textwrap.wrap(few_seeds(verdicts), WIDTH)
    lines.append(summary(verdicts))
    return "\n".join(lines)


def format_verdict(verdict: Verdict) -> str:
    """A verdict in one line, as it comes."""
    name, outcome, measured, interval, bound, seeds = _row(verdict)
    return f"{name}: {outcome}, {measured} {interval}, bound {bound}, seeds {seeds or '-'}"[:WIDTH]


def few_seeds(verdicts: Sequence[Verdict]) -> str:
    """What it proves that all seeds pass, by their number: other seeds may still fail this often.

    Where claims are about a share of seeds, this share.
    """
    shares = {verdict.share for verdict in verdicts if verdict.share is not None}
    if shares:
        told = " or ".join(f"{share:.0%}" for share in sorted(shares))
        return f"A claim holds here if at least {told} of all seeds pass, at 95% confidence."
    found = {p.seeds: p for p in (verdict.passing for verdict in verdicts) if p is not None and p.passed == p.seeds}
    if not found:
        return ""
    rates = ", ".join(f"{percent(1 - found[n].at_least)} ({n} seed{'s'[: n > 1]})" for n in sorted(found))
    return f"Where all seeds pass, the share of all seeds that fail is below {rates}, at 95% confidence."


def summary(verdicts: Sequence[Verdict]) -> str:
    """One line: how many claims there are of each verdict, and how many questions of each answer."""
    judged = Counter(verdict.outcome for verdict in verdicts if verdict.kind != "question")
    parts = ", ".join(f"{judged[outcome]} {word}" for outcome, word in _WORDS.items())
    line = f"{judged.total()} claims: {parts}"
    asked = Counter(verdict.answer for verdict in verdicts if verdict.kind == "question")
    if not asked:
        return line
    answers = ", ".join(f"{asked[answer]} {answer}" for answer in ANSWERS.values())
    return f"{line}; {asked.total()} questions: {answers}"


_WORDS = {"holds": "hold", "refuted": "refuted", "inconclusive": "inconclusive"}


def number(value: float) -> str:
    """Four significant digits, in at most ten characters."""
    return f"{value:.4g}"


def _row(verdict: Verdict) -> tuple[str, ...]:
    deciding = verdict.binding
    low, high = deciding.interval
    seeds = seed_ranges(verdict.seeds)
    return (
        " ".join(verdict.id.split()),
        verdict.answer,
        number(deciding.measured),
        f"[{number(low)}, {number(high)}]",
        f"{deciding.relation} {number(deciding.bound)}",
        seeds if len(seeds) <= _WIDEST_SEEDS else f"{len(set(verdict.seeds))} seeds",
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell[:width].rjust(width) if column in _NUMBERS else cell[:width].ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return _GAP.join(padded).rstrip()

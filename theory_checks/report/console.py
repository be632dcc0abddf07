"""Verdicts as plain text: a table, or where the terminal is too narrow for one, some lines a verdict."""

from __future__ import annotations

import re
import sys
import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import TextIO

from purifyjax.commands.seeds import seed_ranges
from purifyjax.commands.terminal import WIDTH, coloured, encodable, fold, width
from theory_checks.passing import percent
from theory_checks.verdict import ANSWERS, Verdict

_HEADER = ("claim", "verdict", "measured", "95% interval", "bound", "seeds")
_NUMBERS = (2, 3)
_WIDEST_SEEDS = 12
_SHORTEST_NAME = 16  # what a table leaves of a longer one
_GAP = "  "
_COLOURS = {"holds": "\033[32m", "refuted": "\033[1;31m", "inconclusive": "\033[33m"}
_RESET = "\033[0m"


def print_table(verdicts: Sequence[Verdict], stream: TextIO | None = None) -> None:
    """Print `format_table(verdicts)` to `stream` (standard output), as wide and as coloured as `terminal` says."""
    out: TextIO = sys.stdout if stream is None else stream
    text = format_table(verdicts, colour=coloured(out), columns=width(out))
    print(encodable(text, out), file=out, flush=True)


def format_table(verdicts: Sequence[Verdict], *, colour: bool = False, columns: int = WIDTH) -> str:
    """Table of the verdicts, with the deciding quantity of each, the notes of those that do not hold
    and a summary line.

    Args:
      verdicts: one per claim.
      colour: whether to colour the verdicts by ANSI sequences, which take no columns.
      columns: how wide it may be; too few for a table give a paragraph a verdict.

    Returns:
      Lines of at most so many visible characters, without a newline at the end.
    """
    lines = _table(verdicts, colour, columns) or _paragraphs(verdicts, colour, columns)
    lines.append("")
    for verdict in verdicts:
        if verdict.note and verdict.outcome != "holds":
            lines += fold(f"{verdict.id}: {verdict.note}", columns)
    if lines[-1]:
        lines.append("")
    lines += textwrap.wrap(few_seeds(verdicts), columns)
    lines += textwrap.wrap(summary(verdicts), columns)
    return "\n".join(lines)


def format_verdict(verdict: Verdict, columns: int = WIDTH) -> str:
    """A verdict in one line, as it comes; in several where the columns are too few."""
    name, outcome, measured, interval, bound, seeds = _row(verdict)
    line = f"{name[:columns]}: {outcome}, {measured} {interval}, bound {bound}, seeds {seeds or '-'}"
    return textwrap.fill(line, columns, subsequent_indent="  ", break_on_hyphens=False)


def _table(verdicts: Sequence[Verdict], colour: bool, columns: int) -> list[str]:
    """The lines of the table; none where there is no room for it."""
    rows = [_HEADER, *(_row(verdict) for verdict in verdicts)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    # Only a claim's name can be arbitrarily long: it gives way.
    room = columns - sum(widths[1:]) - len(_GAP) * (len(widths) - 1)
    if room < min(widths[0], _SHORTEST_NAME):
        return []
    widths[0] = min(widths[0], room)
    lines = [_line(_HEADER, widths), "-" * (sum(widths) + len(_GAP) * (len(widths) - 1))]
    for verdict, row in zip(verdicts, rows[1:], strict=True):
        line = _line(row, widths)
        if colour:
            start = widths[0] + len(_GAP)
            line = line[:start] + _coloured(verdict) + line[start + len(verdict.answer) :]
        lines.append(line)
    return lines


def _paragraphs(verdicts: Sequence[Verdict], colour: bool, columns: int) -> list[str]:
    lines = []
    for verdict in verdicts:
        text = format_verdict(verdict, columns)
        if colour:
            text = re.sub(rf"(:\s+){verdict.answer},", rf"\1{_coloured(verdict)},", text, count=1)
        lines += text.split("\n")
    return lines


def _coloured(verdict: Verdict) -> str:
    """The verdict's answer by ANSI sequences."""
    return f"{_COLOURS[verdict.outcome]}{verdict.answer}{_RESET}"


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

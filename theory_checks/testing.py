"""Theorem bounds as assertions, for pytest or anything else.

    from theory_checks.testing import assert_holds

    def test_clean_nets_are_not_robust(tmp_path):
        assert_holds("clean-nonrobust", profile="quick", seeds=range(100, 102), out=tmp_path)

Evidence lies in one store, by default that of `python -m theory_checks.all`: what it measured is not made anew.
`pytest --theorems` makes a test of every claim, see `theory_checks.pytest_plugin`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from purifyjax.commands.numerics import fixed
from purifyjax.commands.seeds import named
from purifyjax.errors import require
from theory_checks import catalogue
from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.options import Options
from theory_checks.paper import Paper
from theory_checks.plan import Plan, plan
from theory_checks.report.console import format_verdict
from theory_checks.runner import Runner
from theory_checks.store import locked
from theory_checks.verdict import Verdict


def assert_holds(
    claim: str | Claim,
    *,
    profile: str = "quick",
    seeds: int | Sequence[int] | None = None,
    paper: Paper | None = None,
    out: Path | None = None,
) -> Verdict:
    """Judge a claim; unless it holds (a question: is answered yes) raise `AssertionError` with the evidence in words.

    Args:
      claim: its id, or a claim of one's own about experiments of the profile.
      profile: the size.
      seeds: how many, or which; the profile's own if None.
      paper: one that is not installed, to look for the claim and its experiments in as well.
      out: the folder of the evidence; results/PROFILE if None. Another process that uses it is waited for.

    Raises:
      AssertionError: the claim is refuted or undecided.
      ConfigError: a claim, profile or seed that is not there.
    """
    found = verdict(claim, profile=profile, seeds=seeds, paper=paper, out=out)
    if found.outcome != "holds":
        raise AssertionError(explained(found))
    return found


def verdict(
    claim: str | Claim,
    *,
    profile: str = "quick",
    seeds: int | Sequence[int] | None = None,
    paper: Paper | None = None,
    out: Path | None = None,
) -> Verdict:
    """The judgement on a claim, with the arguments of `assert_holds`."""
    with fixed():
        own, stated, asked = _asked(claim, profile, seeds, paper)
        folder = Options(profile=profile, out=out).folder
        found = {name: _evidence(asked, name, folder) for name in stated.experiments}
        return stated.check(found, own.name if own else "", own.shares.get(profile) if own else None)


def explained(verdict: Verdict) -> str:
    """Why a claim does not hold, in words."""
    lines = [f"{verdict.title} ({verdict.id}): {verdict.answer}", verdict.statement]
    for part in verdict.parts:
        low, high = part.interval
        unit = f" [{part.unit}]" if part.unit else ""
        lines.append(
            f"  {part.outcome}: {part.quantity}{unit} = {part.measured:.4g} in [{low:.4g}, {high:.4g}], "
            f"bound {part.relation} {part.bound:.4g}"
        )
    return "\n".join(filter(None, [*lines, verdict.note, format_verdict(verdict)]))


def _asked(
    claim: str | Claim, profile: str, seeds: int | Sequence[int] | None, paper: Paper | None
) -> tuple[Paper | None, Claim, Plan]:
    papers = catalogue.papers()
    if paper is not None and paper not in papers:
        papers = (*papers, paper)
    text = None if seeds is None else str(seeds) if isinstance(seeds, int) else named(seeds)
    options = Options(profile=profile, seeds=text)
    if isinstance(claim, str):
        ((own, stated),) = catalogue.selected(papers, [claim])
        return own, stated, plan(Options(profile=profile, seeds=text, only=(claim,)), papers)
    asked = plan(options, papers)
    for name in claim.experiments:
        require(name in asked.experiments, f"experiment of {claim.id}", name, f"one of {', '.join(asked.experiments)}")
    return paper, claim, asked


def _evidence(asked: Plan, name: str, folder: Path) -> Evidence:
    with locked(folder, wait=True):
        return Runner(folder, asked.seeds, command="theory_checks.testing").evidence(asked.experiments[name])

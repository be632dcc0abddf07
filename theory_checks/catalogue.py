"""All papers: the folders of `theory_checks.papers`, and what other packages offer as entry points.

A package offers a paper of its own by an entry point of the group `theory_checks.papers` that names a `Paper`:

    [project.entry-points."theory_checks.papers"]
    my-paper = "my_package.my_paper:PAPER"
"""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import entry_points

from purifyjax.errors import ConfigError, require
from theory_checks import papers as folder
from theory_checks.claim import Claim
from theory_checks.experiment import Experiment
from theory_checks.paper import Paper

GROUP = "theory_checks.papers"


def papers() -> tuple[Paper, ...]:
    """Every paper, in the report's order; `ConfigError` if one is broken or two use the same name."""
    found = [
        importlib.import_module(f"{folder.__name__}.{module.name}").PAPER
        for module in pkgutil.iter_modules(folder.__path__)
        if module.ispkg
    ]
    for entry in entry_points(group=GROUP):
        try:
            paper = entry.load()
        except Exception as error:
            raise ConfigError(f"entry point {entry.name} = {entry.value} cannot be loaded: {error}") from error
        require(isinstance(paper, Paper), f"entry point {entry.name}", paper, "a theory_checks.paper.Paper")
        found.append(paper)
    _distinct("paper", [paper.name for paper in found])
    _distinct("claim", [claim.id for paper in found for claim in paper.claims])
    return tuple(sorted(found, key=lambda paper: (paper.place, paper.name)))


def profiles(papers: Sequence[Paper]) -> tuple[str, ...]:
    """The names of all profiles, in the papers' order."""
    return tuple(dict.fromkeys(name for paper in papers for name in paper.profiles))


def experiments(papers: Sequence[Paper], profile: str) -> dict[str, Experiment]:
    """All experiments of a profile by name."""
    known = profiles(papers)
    require(profile in known, "--profile", profile, f"one of {', '.join(known)}")
    found = [e for paper in papers if profile in paper.profiles for e in paper.profiles[profile]()]
    _distinct("experiment", [experiment.name for experiment in found])
    return {experiment.name: experiment for experiment in found}


def selected(papers: Sequence[Paper], ids: Sequence[str]) -> list[tuple[Paper, Claim]]:
    """The claims named with their papers, in the report's order; all if none is named."""
    every = [(paper, claim) for paper in papers for claim in paper.claims]
    known = [claim.id for _, claim in every]
    for name in ids:
        require(name in known, "--only", name, f"one of {', '.join(known)}")
    require(len(set(ids)) == len(ids), "--only", " ".join(ids), "every claim once")
    return [(paper, claim) for paper, claim in every if not ids or claim.id in ids]


def listing(papers: Sequence[Paper]) -> str:
    """The claims of every paper and the profiles, a line each."""
    width = max((len(claim.id) for paper in papers for claim in paper.claims), default=0)
    lines = ["claims:"]
    for paper in papers:
        lines.append(f" {paper.title} ({paper.source})")
        lines += [f"  {claim.id:<{width}}  {claim.kind:<10}  {claim.title}" for claim in paper.claims]
    lines.append("profiles:")
    for name in profiles(papers):
        told = [paper.summaries[name] for paper in papers if name in paper.summaries]
        lines.append(f"  {name:<{width}}  {'; '.join(told)}")
    return "\n".join(lines)


def _distinct(kind: str, names: Sequence[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise ConfigError(f"{kind} {name} is declared {count} times: names must differ over all papers")

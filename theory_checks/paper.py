"""What a paper is: its claims and, by profile, its experiments."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from purifyjax.errors import require
from theory_checks.claim import Claim
from theory_checks.experiment import Experiment


@dataclass(frozen=True)
class Paper:
    """A paper that is checked. The module of a paper's folder has one, called PAPER.

    Attributes:
      name: short, in lower case with hyphens.
      title, source: of the paper.
      claims: in the order of the report.
      profiles: by name ("quick", "standard", "paper", …) the experiments at that size, made when they are asked for.
        Claims are left out of a profile that the paper has no sizes for.
      summaries: of profiles, a few words for `--list`.
      shares: of profiles with many seeds, the share of all seeds that claims are about, at 95% confidence; in other
        profiles every seed that is judged has to pass.
      place: papers stand in the report by it, then by name.
    """

    name: str
    title: str
    source: str
    claims: tuple[Claim, ...]
    profiles: Mapping[str, Callable[[], tuple[Experiment, ...]]] = field(hash=False)
    summaries: Mapping[str, str] = field(default_factory=dict, hash=False)
    shares: Mapping[str, float] = field(default_factory=dict, hash=False)
    place: int = 100


def claims_in(package: str, order: Sequence[str]) -> tuple[Claim, ...]:
    """Every claim that a module of a package defines: a new one takes a file and nothing else.

    Args:
      package: its name, `__name__` in its `__init__`.
      order: ids in the order of the source; claims that are not named come after them, by their module's name.
    """
    folder = importlib.import_module(package).__path__
    modules = [importlib.import_module(f"{package}.{module.name}") for module in pkgutil.iter_modules(folder)]
    found = {value.id: value for module in modules for value in vars(module).values() if isinstance(value, Claim)}
    for name in order:
        require(name in found, f"order of claims in {package}", name, f"one of {', '.join(found)}")
    return tuple(found[name] for name in dict.fromkeys([*order, *found]))

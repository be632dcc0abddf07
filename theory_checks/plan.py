"""What is to be checked: the claims and experiments that the settings of a run ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from jaxtyping import Int

from purifyjax.commands.arguments import require_number
from purifyjax.commands.seeds import judged, parse_seeds
from purifyjax.data.images import Name, load
from purifyjax.errors import ConfigError, require
from theory_checks import catalogue
from theory_checks.claim import Claim
from theory_checks.experiment import Experiment
from theory_checks.options import Options
from theory_checks.paper import Paper


@dataclass(frozen=True)
class Plan:
    """What is to be checked.

    Attributes:
      claims: with their papers, in the order of the report.
      experiments: by name, those that the claims look at.
      seeds: of the run; every experiment takes its first ones.
      without: papers that have no sizes for the profile, and claims without an experiment in it.
    """

    claims: tuple[tuple[Paper, Claim], ...]
    experiments: Mapping[str, Experiment]
    seeds: Int[np.ndarray, " seed"]
    without: tuple[str, ...] = ()

    @property
    def setting(self) -> str:
        """The sizes, γ and radii in one line: no verdict stands without them."""
        told = dict.fromkeys(experiment.setting for experiment in self.experiments.values())
        return "; ".join(filter(None, told))


def plan(options: Options, papers: Sequence[Paper]) -> Plan:
    """What the options ask for; `ConfigError` if that cannot be."""
    known = catalogue.experiments(papers, options.profile)
    chosen = catalogue.selected(papers, options.only)
    missing = {claim.id: [n for n in claim.experiments if n not in known] for _, claim in chosen}
    for paper, claim in chosen if options.only else ():
        others = ", ".join(name for name in paper.profiles if name != options.profile) or "none"
        need = f"one with sizes for {', '.join(missing[claim.id])} of {claim.id}: {others}"
        require(not missing[claim.id], "--profile", options.profile, need)
    claims = tuple((paper, claim) for paper, claim in chosen if not missing[claim.id])
    known = _at_radius(known, options.radius)
    known = _on_images(known, options)
    if options.seeds is not None:
        seeds = parse_seeds(options.seeds)
        known = {name: experiment.with_seeds(len(seeds)) for name, experiment in known.items()}
    else:
        seeds = judged(max(experiment.seeds for experiment in known.values()))
    needed = {name for _, claim in claims for name in claim.experiments}
    absent = [p.name for p in dict.fromkeys(p for p, _ in chosen) if options.profile not in p.profiles]
    left_out = [c.id for p, c in chosen if missing[c.id] and p.name not in absent]
    own = {name: e for name, e in known.items() if name in needed}
    return Plan(claims, own, seeds, (*absent, *left_out))


def _at_radius(experiments: dict[str, Experiment], radius: float | None) -> dict[str, Experiment]:
    if radius is None:
        return experiments
    require_number("--radius", radius)
    known = [e.reference_radius for e in experiments.values() if e.reference_radius is not None]
    if not known:
        raise ConfigError("--radius is not allowed: no experiment of this profile is judged at a radius")
    return {name: experiment.at_scale(radius / known[0]) for name, experiment in experiments.items()}


def _on_images(experiments: dict[str, Experiment], options: Options) -> dict[str, Experiment]:
    names = get_args(Name)
    require(options.dataset in names, "--dataset", options.dataset, f"one of {', '.join(names)}")
    if options.dataset == "digits":
        return experiments
    # Read here as well: a file that is missing or broken is told before anything is trained.
    load(options.dataset, options.data_dir)  # pyright: ignore[reportArgumentType]
    return {name: e.on_images(options.dataset, options.data_dir) for name, e in experiments.items()}

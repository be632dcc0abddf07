"""The settings of a run: what a user may say, and what follows from it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, get_args

import numpy as np
import tyro
from jaxtyping import Int

from purifyjax.data.images import Name, load
from purifyjax.errors import ConfigError, require
from theory_checks import catalogue
from theory_checks.arguments import require_number
from theory_checks.claim import Claim
from theory_checks.experiment import Experiment
from theory_checks.paper import Paper
from theory_checks.seeds import judged, named, parse_seeds


@dataclass(frozen=True)
class Options:
    """Numerically check the theorems of adversarial training, claim by claim."""

    profile: str = "standard"
    """Size of the check: quick, standard, paper (wants a GPU), or many (seeds, of small nets)."""
    only: Annotated[tuple[str, ...], tyro.conf.arg(metavar="CLAIM [CLAIM ...]")] = ()
    """Check these claims only."""
    seeds: str | None = None
    """How many seeds (`4`: 100 to 103), or which ones (`3,5,8`, `0-3`); default: the profile's."""
    radius: float | None = None
    """Evaluate all claims at this ℓ2 radius instead of the profile's, others in proportion; training is unchanged."""
    dataset: str = "digits"
    """Images of the convolutional nets: digits (comes with scikit-learn), mnist, cifar10 or svhn."""
    data_dir: Path | None = None
    """Folder with the data set's official files; not needed for digits."""
    out: Path | None = None
    """Where reports, tables and nets go; default: results/PROFILE."""
    resume: bool = True
    """Reuse finished work of the same settings in the output folder and go on where a run stopped."""
    strict: bool = False
    """Exit with status 3 if a claim is undecided and none is refuted."""
    list: bool = False
    """List the claims and profiles, and exit."""

    @property
    def folder(self) -> Path:
        """Where results go."""
        return self.out or Path("results") / self.profile

    def command(self) -> str:
        """The command that gives the same report again."""
        words = ["python", "-m", "theory_checks.all", "--profile", self.profile]
        words += ["--only", *self.only] if self.only else []
        words += ["--seeds", named(parse_seeds(self.seeds))] if self.seeds is not None else []
        words += ["--radius", f"{self.radius:g}"] if self.radius is not None else []
        words += ["--dataset", self.dataset] if self.dataset != "digits" else []
        words += ["--data-dir", str(self.data_dir)] if self.data_dir is not None else []
        return shlex.join(words)


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


def with_seeds(options: Options, seeds: Sequence[int]) -> Options:
    """The same settings on these seeds."""
    return replace(options, seeds=named(seeds))


def writable(out: Path) -> Path:
    """Make the output folder, or say in one sentence why that cannot be."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise ConfigError(f"--out {out} cannot be made: {getattr(error, 'strerror', error)}") from None
    if not os.access(out, os.W_OK | os.X_OK):
        raise ConfigError(f"--out {out} is not writable: choose another folder")
    return out

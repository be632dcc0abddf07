"""Check every claim: `python -m theory_checks.all`.

Trains the profile's experiments (once: finished work is kept and reused), attacks the nets, and
prints a verdict for each claim. Exit status: 0 nothing refuted, 1 a claim refuted, 2 unusable settings.
"""

from __future__ import annotations

import os
import shlex
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, get_args

import numpy as np
import tyro

from purifyjax.data.images import Name, load
from purifyjax.errors import ConfigError, require
from theory_checks.claims import CLAIMS, Claim
from theory_checks.experiments import PROFILES, profile
from theory_checks.verdict import exit_status


@dataclass(frozen=True)
class Options:
    """Numerically check the theorems of adversarial training, claim by claim."""

    profile: str = "standard"
    """Size of the check: quick, standard or paper (paper wants a GPU)."""
    only: Annotated[tuple[str, ...], tyro.conf.arg(metavar="CLAIM [CLAIM ...]")] = ()
    """Check these claims only."""
    seeds: str | None = None
    """How many seeds (`4`), or which ones (`3,5,8`); default: the profile's."""
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
    list: bool = False
    """List the claims and profiles, and exit."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = tyro.cli(Options, args=arguments, prog="python -m theory_checks.all")
    try:
        if options.list:
            print(catalogue())
            return 0
        return check(options)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted: run the same command again to go on from the last checkpoint", file=sys.stderr)
        return 130


def check(options: Options) -> int:
    """Train, measure, judge and report."""
    chosen = profile(options.profile)
    claims = selected(options.only)
    if options.radius is not None:
        require(
            options.radius > 0 and np.isfinite(options.radius),
            "--radius",
            options.radius,
            "a positive number",
        )
        chosen = chosen.at_radius(options.radius)
    require(options.dataset in get_args(Name), "--dataset", options.dataset, f"one of {', '.join(get_args(Name))}")
    if options.dataset != "digits":
        # Read here as well: a file that is missing or broken is told before anything is trained.
        load(options.dataset, options.data_dir)  # pyright: ignore[reportArgumentType]
        chosen = chosen.on_images(options.dataset, options.data_dir)  # pyright: ignore[reportArgumentType]
    seeds = None if options.seeds is None else parse_seeds(options.seeds)
    if seeds is not None:
        chosen = chosen.with_seeds(len(seeds))
    seeds = np.arange(chosen.most_seeds) if seeds is None else seeds
    out = writable(options.out or Path("results") / chosen.name)

    # Imported late: `--list`, `--help` and bad options then answer at once.
    from theory_checks.report import print_table, write_report
    from theory_checks.report.environment import environment
    from theory_checks.runs import runs

    started = time.monotonic()
    print(f"profile {chosen.name}: {chosen.summary}", file=sys.stderr)
    needed = {name for claim in claims for name in claim.experiments}
    every = runs(chosen, seeds, out, options.resume)
    evidences = {name: run() for name, run in every.items() if name in needed}
    verdicts = [claim.check(evidences) for claim in claims]
    write_report(
        out,
        verdicts,
        evidences,
        profile=chosen.name,
        environment=environment(),
        command=reproduce(options),
        setting=chosen.setting,
    )
    print(f"\n{chosen.setting}\n")
    print_table(verdicts)
    print(f"{time.monotonic() - started:.0f} s; report: {out / 'report.html'}", file=sys.stderr)
    return exit_status(verdicts)


def reproduce(options: Options) -> str:
    """The command that gives this report again."""
    words = ["python", "-m", "theory_checks.all", "--profile", options.profile]
    words += ["--only", *options.only] if options.only else []
    words += ["--seeds", options.seeds] if options.seeds is not None else []
    words += ["--radius", f"{options.radius:g}"] if options.radius is not None else []
    words += ["--dataset", options.dataset] if options.dataset != "digits" else []
    words += ["--data-dir", str(options.data_dir)] if options.data_dir is not None else []
    return shlex.join(words)


def selected(ids: tuple[str, ...]) -> tuple[Claim, ...]:
    """The claims named, in the theorem's order; all if none is named."""
    known = {claim.id: claim for claim in CLAIMS}
    for name in ids:
        require(name in known, "--only", name, f"one of {', '.join(known)}")
    return tuple(claim for claim in CLAIMS if not ids or claim.id in ids)


def parse_seeds(text: str) -> np.ndarray:
    """`4` means seeds 0 to 3; `3,5,8` (or `3,`) means these."""
    try:
        numbers = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        numbers = []
    require(bool(numbers), "--seeds", text, "a count such as 4, or a list such as 3,5,8")
    if "," not in text:
        require(1 <= numbers[0] <= 100_000, "--seeds", text, "a count from 1 to 100000")
        return np.arange(numbers[0])
    require(min(numbers) >= 0 and max(numbers) < 2**31, "--seeds", text, "seeds from 0 to 2147483647")
    require(len(set(numbers)) == len(numbers), "--seeds", text, "distinct seeds")
    return np.array(numbers)


def writable(out: Path) -> Path:
    """Make the output folder, or say in one sentence why that cannot be."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out {out} cannot be made: {error.strerror}") from None
    if not os.access(out, os.W_OK):
        raise ConfigError(f"--out {out} is not writable: choose another folder")
    return out


def catalogue() -> str:
    """The claims and the profiles, a line each."""
    width = max(len(claim.id) for claim in CLAIMS)
    lines = ["claims:"]
    lines += [f"  {claim.id:<{width}}  {claim.title}" for claim in CLAIMS]
    lines += ["profiles:"]
    lines += [f"  {name:<{width}}  {p.summary}" for name, p in PROFILES.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

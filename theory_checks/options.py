"""The settings of a run: what a user may say. Nothing large is imported: `--help` answers at once."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro

from purifyjax.commands.seeds import named, parse_seeds
from purifyjax.errors import ConfigError


@dataclass(frozen=True)
class Options:
    """Numerically check the theorems of adversarial training, claim by claim."""

    profile: str = "quick"
    """Size of the check: quick, standard (all claims), paper (wants a GPU), small (images), or many (seeds)."""
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

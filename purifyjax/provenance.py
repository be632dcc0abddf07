"""Where numbers were made: versions, device, precision, revision of the code. Stored beside every one of them."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jax

PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy")


@dataclass(frozen=True)
class Environment:
    """Where the numbers come from.

    Attributes:
      versions: of Python and of the numerical packages, by name.
      device: `platform` ("cpu", "gpu", "tpu"), `kind` (the maker's name) and `count`.
      precision: `dtype` of floats, and `matmul`, jax's default precision of matrix products
        ("default" leaves it to the device). Evaluations that state their own override the latter.
      git_revision: commit of the checkout, with "-dirty" appended if tracked files were changed; None
        if the code does not run from a checkout.
    """

    versions: dict[str, str]
    device: dict[str, str | int]
    precision: dict[str, str]
    git_revision: str | None

    def plain(self) -> dict[str, Any]:
        """As JSON values; `from_plain` undoes it."""
        return asdict(self)


def from_plain(values: Mapping[str, Any]) -> Environment:
    """The environment that `plain` described."""
    return Environment(**{name: values[name] for name in ("versions", "device", "precision", "git_revision")})


@cache
def environment() -> Environment:
    """Of this process. Initialises jax's devices."""
    versions = {"python": platform.python_version()}
    versions |= {package: importlib.metadata.version(package) for package in PACKAGES}
    first = jax.devices()[0]
    return Environment(
        versions=versions,
        device={"platform": first.platform, "kind": first.device_kind, "count": jax.device_count()},
        precision={
            "dtype": str(jax.numpy.zeros(0).dtype),
            "matmul": str(getattr(jax.config, "jax_default_matmul_precision", None) or "default"),
        },
        git_revision=git_revision(Path(__file__).resolve().parents[1]),
    )


def git_revision(root: Path) -> str | None:
    """Commit of the checkout whose top folder is `root`, "-dirty" appended if tracked files changed.

    None if git is absent, `root` is not the top of a checkout (an installed package may lie somewhere
    inside an unrelated one), or nothing is committed yet.
    """
    top = _git(root, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != root.resolve():
        return None
    commit = _git(root, "rev-parse", "--verify", "HEAD")
    changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    return f"{commit}-dirty" if commit and changes else commit


def _git(root: Path, *arguments: str) -> str | None:
    # Under a git hook these name the repository of the hook, whatever folder git is told to go to.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10, env=clean)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()

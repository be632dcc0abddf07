"""Merge the folders of runs on several machines: `python -m theory_checks.merge A B … --out C`.

The runs have the same settings and seeds of their own, of array jobs say. What is stored of each seed is copied, what
takes all seeds at once is measured anew, and the report is that of one run on all of them. Exit status: as of
`theory_checks.all`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from tyro import conf

from purifyjax.commands.ending import computing, run


@dataclass(frozen=True)
class Options:
    """Merge the folders of runs of the same settings on different seeds, and report on all of them."""

    folders: Annotated[tuple[Path, ...], conf.Positional, conf.arg(metavar="FOLDER [FOLDER ...]")]
    """Output folders of the runs; they are left as they are."""
    out: Path
    """Where the merged store and the report go."""
    strict: bool = False
    """Exit with status 3 if a claim is undecided and none is refuted."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    return run(lambda: _main(arguments))


def _main(arguments: list[str] | None) -> int:
    from purifyjax.commands.arguments import parse

    options = parse(Options, arguments, "python -m theory_checks.merge")
    with computing():
        return merge(options)


def merge(options: Options) -> int:
    """Copy the stores into one and report on it; the exit status."""
    from purifyjax.commands.progress import say
    from purifyjax.errors import ConfigError, require
    from theory_checks.check import SAME, check, remembered
    from theory_checks.options import with_seeds, writable
    from theory_checks.store import Store, locked

    require(options.folders, "FOLDER", options.folders, "the output folders of one or more runs")
    runs = {folder: remembered(folder) for folder in options.folders}
    (first, (settings, _)), *others = runs.items()
    for folder, (own, _) in others:
        for name in SAME:
            mine, theirs = getattr(settings, name), getattr(own, name)
            if mine != theirs:
                differs = f"{name} is {mine!r} in one, {theirs!r} in the other"
                raise ConfigError(f"{first} and {folder} cannot be merged: {differs}")
    out = writable(options.out)
    for folder in options.folders:
        with locked(out):
            count = Store(out / "store").adopt(folder / "store")
        say(f"{folder}: {count} records copied")
    merged = replace(settings, out=out, strict=options.strict)
    if any(own.seeds is not None for own, _ in runs.values()):
        merged = with_seeds(merged, sorted({seed for _, seeds in runs.values() for seed in seeds}))
    return check(merged)


if __name__ == "__main__":
    sys.exit(main())

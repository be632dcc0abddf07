"""The command lines of grids: sweep, show, plot, merge."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tyro import conf

from purifyjax.errors import ConfigError, require

Names = Annotated[tuple[str, ...], conf.arg(metavar="NAME [NAME ...]")]


@dataclass(frozen=True)
class Sweep:
    """Compute a task at every combination of settings and seeds; the same command again goes on, beside others."""

    out: Path
    """Folder of the grid: blocks, and cells.parquet when all are done. Processes of one folder share its work."""
    task: Annotated[str, conf.Positional, conf.arg(metavar="TASK")] = ""
    """purification, or MODULE:CLASS of your own; without it the grid of the folder goes on."""
    over: Annotated[tuple[str, ...], conf.arg(metavar="NAME=V,V...")] = ()
    """Settings and their values: `dimension=64,128 margin=0,1.5`; together: `dimension,sparsity=64:5,128:8`."""
    set: Annotated[tuple[str, ...], conf.arg(metavar="NAME=V")] = ()
    """Settings that are not varied: `pace=0.3 points=512`."""
    seeds: str = "8"
    """How many seeds (`8`: 100 to 107), or which ones (`3,5,8`, `0-255`)."""
    block: int = 64
    """Cells stored together: what a killed process loses at most."""
    shard: str | None = None
    """`i/n`: every n-th block, from the i-th; default: this job's part of a Slurm array or Kubernetes indexed job."""
    stale: float = 300.0
    """Seconds without a sign of life after which the block of a process on another machine is taken over."""
    wait: bool = True
    """Wait for blocks that others are at, and take over those of processes that die."""


@dataclass(frozen=True)
class Show:
    """Tell how far a grid is, and the averages over seeds."""

    folder: Annotated[Path, conf.Positional, conf.arg(metavar="FOLDER")]
    """Of a sweep."""
    columns: Names = ()
    """Numbers to tell; default: all."""
    csv: Path | None = None
    """File for the averages."""


@dataclass(frozen=True)
class Plot:
    """Draw a number of a grid against one setting, or over two."""

    folder: Annotated[Path, conf.Positional, conf.arg(metavar="FOLDER")]
    """Of a sweep."""
    x: str
    """Setting to the right."""
    y: str
    """Number upwards; with `--value` the other setting."""
    value: str | None = None
    """Number of a map over x and y."""
    level: float | None = None
    """Of a map: a line around where the number is above it."""
    predicted: str | None = None
    """Of a map: `LEFT >= RIGHT` of settings and numbers, a dashed line around where it is true."""
    hue: str | None = None
    """Setting with a line for each of its values."""
    log: bool = False
    """Logarithmic axes."""
    to: Path | None = None
    """File without suffix; default: FOLDER/figures/Y-X. PNG and SVG are written."""


@dataclass(frozen=True)
class Merge:
    """Put the blocks of folders of one grid together."""

    folders: Annotated[tuple[Path, ...], conf.Positional, conf.arg(metavar="FOLDER [FOLDER ...]")]
    """Of sweeps; they are left as they are."""
    out: Path
    """Folder of the union."""


@dataclass(frozen=True)
class Falsify:
    """Search a domain of settings for a violation of a conjecture, on many seeds a point."""

    conjecture: Annotated[str, conf.Positional, conf.arg(metavar="CONJECTURE")]
    """`LEFT >= RIGHT` or `<=`, of a task's numbers: `robust_robust >= 0.9`."""
    domain: Annotated[tuple[str, ...], conf.arg(metavar="NAME=LOW:HIGH")]
    """Settings and their ranges: `margin=0.5:2 radius=0.6:1.2`."""
    out: Path
    """Folder of the sweeps."""
    task: str = "purification"
    """purification, or MODULE:CLASS of your own."""
    set: Annotated[tuple[str, ...], conf.arg(metavar="NAME=V")] = ()
    """Settings that are not varied: `dimension=128 pace=0.3`."""
    points: int = 32
    """Of the Sobol sequence, a power of 2."""
    seeds: str = "8"
    """Of every point."""
    rounds: int = 3
    """Of bisection towards milder violations."""


def run_falsify(options: Falsify, command: str) -> int:
    """Search, and tell what was found; exit status 1 if a violation was."""
    from purifyjax.commands.seeds import parse_seeds
    from purifyjax.files import write_text
    from purifyjax.grids.falsify import Conjecture, falsify, in_words

    task, conjecture = _task(options.task, options.set), Conjecture(options.conjecture)
    domain = {name: _range(text) for name, text in (_entry("--domain", entry) for entry in options.domain)}
    seeds = tuple(map(int, parse_seeds(options.seeds)))
    about = {"points": options.points, "seeds": seeds, "rounds": options.rounds, "command": command}
    found = falsify(task, conjecture, domain, options.out, **about)
    write_text(options.out / "points.csv", found.points.to_csv(index=False))
    fixed = ["--set", *options.set] if options.set else ["--set"]
    words = ["sweep", options.task, "--seeds", options.seeds, "--out", str(options.out / "again"), *fixed]
    print(in_words(found, conjecture, command_line(words)))
    return 0 if found.mildest is None else 1


def run_sweep(options: Sweep, command: str) -> int:
    """Compute what is missing; the exit status."""
    from purifyjax.grids.folder import Folder
    from purifyjax.grids.summary import in_words
    from purifyjax.grids.sweep import shard_of, sweep

    require(options.stale > 0, "--stale", options.stale, "more than 0 seconds")
    shard = shard_of(options.shard)
    grid = Folder.of(options.out).grid if not options.task else grid_of(options)
    sweep(grid, options.out, shard=shard, wait=options.wait, command=command, stale=options.stale)
    print(in_words(Folder(options.out, grid)))
    return 0


def run_show(options: Show, command: str) -> int:
    """Print what is known; the exit status."""
    from purifyjax.files import write_text
    from purifyjax.grids.folder import Folder
    from purifyjax.grids.summary import averages, in_words

    folder = Folder.of(options.folder)
    print(in_words(folder, options.columns))
    if options.csv is not None:
        write_text(options.csv, averages(folder, options.columns).to_csv(index=False))
    return 0


def run_plot(options: Plot, command: str) -> int:
    """Draw from the stored tables; the exit status."""
    from purifyjax import plots
    from purifyjax.grids.falsify import Conjecture
    from purifyjax.grids.folder import DIVERGED, Folder
    from purifyjax.plots import grids

    folder = Folder.of(options.folder)
    rows = folder.rows()
    require(len(rows), "FOLDER", str(options.folder), "a sweep with at least one block done")
    for field, name in (("--x", options.x), ("--y", options.y), ("--value", options.value), ("--hue", options.hue)):
        require(name is None or name in rows, field, name, f"one of {', '.join(rows.columns)}")
    rows, title = rows[~rows[DIVERGED]], f"{len(rows)} cells of {folder.path.name}"
    if options.value is not None:
        level, predicted = options.level, None
        if options.predicted is not None:
            predicted, rows = "predicted", rows.assign(predicted=Conjecture(options.predicted).slack(rows))
        drawn = grids.heat(rows, options.x, options.y, options.value, level=level, predicted=predicted, title=title)
        if level is not None and predicted is not None:
            share = grids.agreement(rows, [options.x, options.y], options.value, level, predicted)
            print(f"{share:.1%} of the settings are on the side of {level:g} that {options.predicted} says")
    else:
        drawn = grids.lines(rows, options.x, options.y, options.hue, log=options.log, title=title)
    for path in plots.style.save(
        drawn, options.to or folder.path / "figures" / f"{options.value or options.y}-{options.x}"
    ):
        print(path)
    return 0


def run_merge(options: Merge, command: str) -> int:
    """Copy blocks; the exit status."""
    from purifyjax.grids.folder import merge
    from purifyjax.grids.summary import in_words

    print(in_words(merge(options.folders, options.out)).splitlines()[0])
    return 0


def grid_of(options: Sweep) -> Any:
    """The grid that the options describe; `ConfigError` if there is none."""
    from purifyjax.commands.seeds import parse_seeds
    from purifyjax.grids.grid import Grid

    task = _task(options.task, options.set)
    over: dict[str, list[Any]] = {}
    for text in options.over:
        key, values = _entry("--over", text)
        require(key not in over, "--over", key, "each setting once")
        over[key] = [_values(task, key, value) for value in values.split(",")]
    return Grid(task, over, tuple(map(int, parse_seeds(options.seeds))), options.block)


def command_line(words: Sequence[str]) -> str:
    """As a user would write it."""
    return shlex.join(["python", "-m", "purifyjax", *words])


def _task(name: str, settings: Sequence[str]) -> Any:
    from purifyjax.grids.task import task_named

    task = task_named(name)
    own = dict(_entry("--set", text) for text in settings)
    return task.replace(**{name: _value(task, "--set", name, text) for name, text in own.items()})


def _range(text: str) -> tuple[float, float]:
    low, _, high = text.partition(":")
    try:
        return float(low), float(high)
    except ValueError:
        raise ConfigError(f"--domain = {text!r} is not allowed: LOW:HIGH") from None


def _entry(field: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    require(name and equals and value, field, text, "NAME=VALUE")
    return name, value


def _values(task: Any, key: str, text: str) -> Any:
    names, parts = key.split(","), text.split(":")
    if len(names) != len(parts):
        raise ConfigError(f"--over {key} = {text!r} is not allowed: {len(names)} values together, such as 64:5")
    found = [_value(task, "--over", name, part) for name, part in zip(names, parts, strict=True)]
    return tuple(found) if len(found) > 1 else found[0]


def _value(task: Any, field: str, name: str, text: str) -> Any:
    """The value of a setting, of the type that its default has."""
    from purifyjax.grids.task import settings_of

    known = settings_of(task)
    require(name in known, field, name, f"settings of the task: {', '.join(known)}")
    kind = type(getattr(task, name))
    try:
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        return kind(text)
    except (KeyError, TypeError, ValueError):
        raise ConfigError(f"{field} {name} = {text!r} is not allowed: a value of type {kind.__name__}") from None

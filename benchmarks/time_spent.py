"""Where a run's time goes: `python -m benchmarks.time_spent [FOLDER]`.

A table and a figure, FOLDER/figures/time-spent.png, of the spans that every run records in tables/timing.parquet: rows
are experiments, columns what was done for them. Without a folder `quick` is run for it, from nothing: an empty folder
and no compiled programs.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from tyro import conf

from purifyjax.commands.arguments import parse
from purifyjax.commands.ending import run
from purifyjax.errors import ConfigError
from theory_checks.spans import elapsed

KINDS = ("compile", "train", "attack", "certify", "fit", "measure", "draw", "disk", "other")


@dataclass(frozen=True)
class Options:
    """Tell where the time of a run went."""

    folder: Annotated[Path | None, conf.Positional, conf.arg(metavar="FOLDER")] = None
    """Output folder of a run, such as results/quick; without one `quick` is run from nothing."""


def seconds(timing: pd.DataFrame) -> pd.DataFrame:
    """Seconds by experiment and kind of work, compilation apart, with cores busy and the peak of memory in GiB.

    What is done side by side counts in each row; the last row, of the whole run, has the seconds that it took in all.

    Args:
      timing: rows of `theory_checks.spans.TIMING`, of a run.
    """
    alone = timing.assign(spent=timing.wall - timing.compiling)
    table = alone.pivot_table(index="experiment", columns="kind", values="spent", aggfunc="sum", sort=False)
    by = timing.groupby("experiment", sort=False)
    table = table.assign(compile=by.compiling.sum()).reindex(columns=list(KINDS)).fillna(0.0)
    table["all"], table["cores"], table["GiB"] = by.wall.sum(), by.cpu.sum() / by.wall.sum(), by.peak.max() / 1024
    table = table.rename(index={"": "no experiment"})
    spent = elapsed(timing)
    whole = table.sum().to_dict() | {"all": spent, "cores": timing.cpu.sum() / spent, "GiB": table["GiB"].max()}
    table.loc["the run"] = whole
    return table


def figure(table: pd.DataFrame) -> Figure:
    """A bar an experiment, divided by what was done."""
    with sns.axes_style("whitegrid"):
        shown = table.drop(index="the run")[list(KINDS)]
        drawn = Figure(figsize=(8, 0.4 * len(shown) + 1.4), layout="constrained")
        axis = drawn.subplots()
        left = pd.Series(0.0, shown.index)
        for kind, colour in zip(KINDS, sns.color_palette("colorblind", len(KINDS)), strict=True):
            axis.barh(shown.index, shown[kind], left=left, color=colour, label=kind)
            left += shown[kind]
        axis.invert_yaxis()
        axis.set(xlabel="seconds; experiments run side by side", title=f"{table['all']['the run']:.0f} s in all")
        axis.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
        sns.despine(ax=axis)
    return drawn


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    return run(lambda: _main(arguments), kept="nothing is kept")


def _main(arguments: list[str] | None) -> int:
    options = parse(Options, arguments, "python -m benchmarks.time_spent")
    if options.folder is not None:
        return tell(options.folder)
    from theory_checks import all as check

    out = Path("results/time-spent")
    with tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        status = check.main(["--profile", "quick", "--out", str(out), "--no-resume"])
    return tell(out) if status in (0, 1, 3) else status


def tell(folder: Path) -> int:
    """Print the table and draw the figure; the exit status."""
    path = folder / "tables" / "timing.parquet"
    try:
        timing = pd.read_parquet(path)
    except (OSError, ValueError):
        raise ConfigError(f"FOLDER = {str(folder)!r} is not allowed: the output folder of a run, with {path}") from None
    table = seconds(timing)
    print(table.round(1).to_string())
    print(f"{timing.programs.sum()} programs, {timing.reused.sum()} of them read from the folder of compiled ones")
    drawn = folder / "figures" / "time-spent.png"
    drawn.parent.mkdir(exist_ok=True)
    figure(table).savefig(drawn, dpi=150)
    print(drawn)
    return 0


if __name__ == "__main__":
    sys.exit(main())

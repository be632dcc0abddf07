"""A search for settings at which a conjecture fails: the tool to open when a bound looks too good.

A conjecture is an inequality between what a task measures, claimed for all settings of a domain. Scrambled Sobol points
cover the domain; every point is measured on many seeds; where the conjecture fails, bisection towards settings at which
it does not finds milder ones. All of it are sweeps in one folder: it goes on where it stopped, and may have helpers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats
from jaxtyping import Float

from purifyjax.errors import ConfigError, require, require_count
from purifyjax.grids.folder import DIVERGED
from purifyjax.grids.grid import Grid
from purifyjax.grids.sweep import sweep
from purifyjax.grids.task import Task, settings_of
from purifyjax.stats import clopper_pearson, mean_interval

CONFIDENCE = 0.95  # of all points together
_MILDER = 4  # violations that bisection goes on from, a round


@dataclass(frozen=True)
class Conjecture:
    """LEFT >= RIGHT or LEFT <= RIGHT, of numbers and settings of a task: robust_robust >= 0.9 * accuracy_robust."""

    text: str

    def slack(self, rows: pd.DataFrame) -> Float[np.ndarray, " row"]:
        """By how much every row satisfies it; below 0 it does not.

        Raises:
          ConfigError: no inequality, or names that the rows do not have.
        """
        parts = re.split("(>=|<=)", self.text)
        require(len(parts) == 3 and all(parts), "CONJECTURE", self.text, "LEFT >= RIGHT or LEFT <= RIGHT")
        try:
            left, right = (np.asarray(rows.eval(side.strip(), engine="python"), float) for side in parts[::2])
        except Exception as error:
            names = ", ".join(map(str, rows.columns))
            raise ConfigError(f"CONJECTURE = {self.text!r} is not allowed: {error} (names: {names})") from None
        return np.broadcast_to(left - right if parts[1] == ">=" else right - left, (len(rows),))


@dataclass(frozen=True)
class Search:
    """What was found.

    Attributes:
      points: a row a point: its settings, `round` (0: Sobol), `slack` (mean over seeds) with its simultaneous interval
        `low`, `high`, `seeds`, `diverged`, and `outcome`: violated, satisfied or open.
      mildest: settings of the violation that is nearest to the middle of where it is satisfied, or to the domain's
        middle; None without a violation.
      share: Clopper–Pearson interval for the share of the domain's volume in which it is violated.
    """

    points: pd.DataFrame
    mildest: dict[str, float] | None
    share: tuple[float, float]


def falsify(
    task: Task,
    conjecture: Conjecture,
    domain: Mapping[str, tuple[float, float]],
    out: Path,
    *,
    points: int = 32,
    seeds: Sequence[int] = tuple(range(100, 108)),
    rounds: int = 3,
    command: str = "",
    progress: bool = True,
) -> Search:
    """Look for settings of the domain at which a conjecture fails on average over seeds.

    A point is a violation if a t interval for its mean slack lies below 0, at a confidence that all points share
    (Bonferroni): by chance any is found in at most 2.5% of searches.

    Args:
      domain: traced settings, and the least and largest value of each.
      out: folder of the sweeps, a round each.
      points: of the Sobol sequence, a power of 2.
      seeds: at every point, at least 3.
      rounds: of bisection.

    Raises:
      ConfigError: settings that the task does not have, an empty range, or numbers that are too few.
    """
    _require(task, domain, points, seeds, rounds)
    cube = scipy.stats.qmc.Sobol(len(domain), scramble=True, rng=np.random.default_rng(0))
    low, high = np.array([*domain.values()], float).T
    settings = low + (high - low) * cube.random_base2(points.bit_length() - 1)
    most = points + rounds * _MILDER
    found: list[pd.DataFrame] = []
    for number in range(rounds + 1):
        grid = Grid(task, {",".join(domain): _rounded(settings)}, tuple(map(int, seeds)))
        rows = sweep(grid, out / f"round-{number}", command=command, progress=progress)
        found.append(_judged(rows, conjecture, [*domain], most).assign(round=number))
        settings = _milder(pd.concat(found, ignore_index=True), low, high)
        if not len(settings):
            break
    table = pd.concat(found, ignore_index=True)
    first = found[0]
    violated = int((first.outcome == "violated").sum())
    share = clopper_pearson(violated, len(first))
    return Search(table, _mildest(table, low, high), (float(share[0]), float(share[1])))


def in_words(search: Search, conjecture: Conjecture, reproduce: str = "") -> str:
    """What was found, as lines of text.

    Args:
      reproduce: the command up to the settings of a point.
    """
    table = search.points
    names = [n for n in table.columns if n not in ("round", "slack", "low", "high", "seeds", "diverged", "outcome")]
    counts = table.outcome.value_counts()
    told = ", ".join(f"{counts.get(name, 0)} {name}" for name in ("violated", "satisfied", "open"))
    lines = [f"{conjecture.text}: {len(table)} points, {told}"]
    if search.mildest is None:
        lines.append(f"no violation found; by Sobol points at most {search.share[1]:.1%} of the volume has any (95%)")
        worst = table.iloc[int(np.nanargmin(table.slack))] if table.slack.notna().any() else None
        if worst is not None:
            place = ", ".join(f"{name} = {worst[name]:.4g}" for name in names)
            lines.append(f"least slack {worst.slack:.4g} [{worst.low:.4g}, {worst.high:.4g}] at {place}")
        return "\n".join(lines)
    bad = table[table.outcome == "violated"]
    box = ", ".join(f"{name} in [{bad[name].min():.4g}, {bad[name].max():.4g}]" for name in names)
    lines.append(f"violated within {box}; {search.share[0]:.1%} to {search.share[1]:.1%} of the volume (95%)")
    own = bad[np.all([bad[n] == v for n, v in search.mildest.items()], axis=0)].iloc[0]
    place = " ".join(f"{name}={value:.6g}" for name, value in search.mildest.items())
    lines.append(f"mildest: slack {own.slack:.4g} [{own.low:.4g}, {own.high:.4g}] on {own.seeds} seeds at {place}")
    if reproduce:
        lines.append(f"again: {reproduce} {place}")
    return "\n".join(lines)


def _require(task: Task, domain: Mapping[str, Any], points: int, seeds: Sequence[int], rounds: int) -> None:
    known = settings_of(task)
    traced = [name for name, is_static in known.items() if not is_static]
    require(domain, "--domain", dict(domain), f"ranges of {', '.join(traced)}")
    for name, ends in domain.items():
        require(known.get(name) is False, "--domain", name, f"a traced setting: {', '.join(traced)}")
        require(ends[0] < ends[1], f"--domain {name}", ends, "LOW:HIGH with LOW below HIGH")
    require_count("--points", points)
    require(points & (points - 1) == 0, "--points", points, "a power of 2")
    require(len(seeds) >= 3, "--seeds", len(seeds), "at least 3 a point")
    require_count("--rounds", rounds, least=0)


def _rounded(settings: Float[np.ndarray, "point setting"]) -> list[Any]:
    """As values of a grid: single numbers where there is one setting, of digits that a command line can repeat."""
    rows = [tuple(float(f"{value:.6g}") for value in row) for row in settings]
    return [row[0] for row in rows] if settings.shape[1] == 1 else rows


def _judged(rows: pd.DataFrame, conjecture: Conjecture, names: list[str], points: int) -> pd.DataFrame:
    found = []
    for values, own in rows.groupby(names, sort=False):
        healthy = own[~own[DIVERGED]]
        slack = conjecture.slack(healthy)
        known = len(slack) > 1 and np.isfinite(slack).all()
        low, high = mean_interval(slack, 1.0 - (1.0 - CONFIDENCE) / points) if known else (-np.inf, np.inf)
        outcome = "violated" if high < 0 else "satisfied" if low >= 0 else "open"
        mean = float(np.mean(slack)) if len(slack) else np.nan
        about = {"slack": mean, "low": low, "high": high, "seeds": len(slack), "diverged": len(own) - len(slack)}
        found.append(dict(zip(names, values, strict=True)) | about | {"outcome": outcome})
    return pd.DataFrame(found)


def _unit(table: pd.DataFrame, low: np.ndarray, high: np.ndarray) -> Float[np.ndarray, "point setting"]:
    return (table.iloc[:, : len(low)].to_numpy(float) - low) / (high - low)


def _centre(table: pd.DataFrame, low: np.ndarray, high: np.ndarray) -> Float[np.ndarray, " setting"]:
    """The middle of where it is satisfied; of the domain if that is nowhere."""
    fine = _unit(table[table.outcome == "satisfied"], low, high)
    return fine.mean(axis=0) if len(fine) else np.full(len(low), 0.5)


def _milder(table: pd.DataFrame, low: np.ndarray, high: np.ndarray) -> Float[np.ndarray, "point setting"]:
    """Halfway from the violations nearest to the satisfied ones' middle to the point nearest to each that is none."""
    violated = table.outcome == "violated"
    bad, fine = _unit(table[violated], low, high), _unit(table[~violated], low, high)
    if not len(bad) or not len(fine):
        return np.empty((0, len(low)))
    near = bad[np.argsort(np.linalg.norm(bad - _centre(table, low, high), axis=1), kind="stable")[:_MILDER]]
    partner = fine[np.argmin(np.linalg.norm(near[:, None] - fine[None], axis=2), axis=1)]
    middle = np.unique(np.round(0.5 * (near + partner), 9), axis=0)
    return low + (high - low) * middle


def _mildest(table: pd.DataFrame, low: np.ndarray, high: np.ndarray) -> dict[str, float] | None:
    bad = table[table.outcome == "violated"]
    if bad.empty:
        return None
    place = int(np.argmin(np.linalg.norm(_unit(bad, low, high) - _centre(table, low, high), axis=1)))
    return {str(name): float(bad.iloc[place][name]) for name in table.columns[: len(low)]}

"""What the cells of a grid say together: averages over seeds, with their intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from purifyjax.errors import require
from purifyjax.grids.folder import DIVERGED, Folder
from purifyjax.grids.grid import SEED
from purifyjax.grids.task import settings_of
from purifyjax.stats import mean_interval


def varied(folder: Folder) -> list[str]:
    """The settings that the grid varies, in its order."""
    return [name for key in folder.grid.over for name in key.split(",")]


def numbers(folder: Folder, rows: pd.DataFrame) -> list[str]:
    """The columns that the task measured."""
    given = {"cell", SEED, DIVERGED, *settings_of(folder.grid.task)}
    return [name for name in rows.columns if name not in given]


def averages(folder: Folder, columns: Sequence[str] = ()) -> pd.DataFrame:
    """A row a combination of settings and number: `mean`, its 95% t interval over seeds, `seeds` and `diverged`.

    Cells that diverged are left out and counted. A single seed has no interval: its ends are NaN.

    Args:
      columns: of the numbers to tell; all if empty.

    Raises:
      ConfigError: a column that there is not.
    """
    return _averages(folder, folder.rows(), columns)


def _averages(folder: Folder, rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    known = numbers(folder, rows)
    for name in columns:
        require(name in known, "column", name, f"one of {', '.join(known) or 'none: no block is done'}")
    by = varied(folder)
    parts = rows.groupby(by, sort=False) if by else [((), rows)]
    found = []
    for values, part in parts:
        healthy = part[~part[DIVERGED]]
        head = dict(zip(by, values if isinstance(values, tuple) else (values,), strict=True))
        for name in columns or known:
            own = healthy[name].to_numpy(np.float64)
            several = len(own) > 1 and np.isfinite(own).all()
            low, high = mean_interval(own) if several else (np.nan, np.nan)
            mean = float(np.mean(own)) if len(own) else np.nan
            told = {"number": name, "mean": mean, "low": low, "high": high, "seeds": len(own)}
            found.append(head | told | {"diverged": len(part) - len(own)})
    return pd.DataFrame(found)


def in_words(folder: Folder, columns: Sequence[str] = ()) -> str:
    """The grid, how far it is, and its averages, as lines of text."""
    grid, rows = folder.grid, folder.rows()
    blocks = sum(folder.has(block) for block in grid.blocks)
    about = f"{len(rows)} of {len(grid.table)} cells done, {blocks} of {len(grid.blocks)} blocks"
    lines = [f"{about}; {int(rows[DIVERGED].sum())} diverged"]
    if len(rows):
        table = _averages(folder, rows, columns)
        table["95% interval"] = [f"[{low:.4g}, {high:.4g}]" for low, high in zip(table.low, table.high, strict=True)]
        table["mean"] = [f"{mean:.4g}" for mean in table["mean"]]
        lines.append(table.drop(columns=["low", "high"]).to_string(index=False))
    for name, meaning in grid.task.columns.items():
        if name in (columns or rows.columns):
            lines.append(f"{name}: {meaning}")
    return "\n".join(lines)

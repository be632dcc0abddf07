"""The measured tables as Parquet files."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

import pandas as pd

from purifyjax.files import write_bytes
from theory_checks.evidence import Evidence


def write_tables(
    directory: str | os.PathLike[str], evidences: Sequence[Evidence], names: Collection[str]
) -> list[Path]:
    """Write these kinds of tables, each of all experiments together, to `directory`/NAME.parquet, atomically.

    Returns:
      The paths written.
    """
    paths = []
    for name in names:
        frames = [evidence.tables[name] for evidence in evidences if name in evidence.tables]
        # An empty frame has no types of its own and would spoil those of the others.
        frame = pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)
        paths.append(write_table(directory, name, frame))
    return paths


def write_table(directory: str | os.PathLike[str], name: str, frame: pd.DataFrame) -> Path:
    """Write a table to `directory`/NAME.parquet, atomically; the path."""
    path = Path(directory) / f"{name}.parquet"
    write_bytes(path, frame.to_parquet(index=False))
    return path

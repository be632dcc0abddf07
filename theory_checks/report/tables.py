"""The measured frames as Parquet files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from purifyjax.files import atomic_path
from theory_checks.evidence import TABLES, Evidence


def write_tables(directory: str | os.PathLike[str], evidences: Sequence[Evidence]) -> list[Path]:
    """Write each kind of frame, of all experiments together, to `directory`/NAME.parquet, atomically.

    Returns:
      The paths written; none if there is no evidence.
    """
    if not evidences:
        return []
    paths = []
    for name in TABLES:
        path = Path(directory) / f"{name}.parquet"
        # A kind of table that no experiment here has is left out.
        frames = [frame for evidence in evidences if len((frame := getattr(evidence, name)).columns)]
        if not frames:
            continue
        # An empty frame has no types of its own and would spoil those of the others.
        filled = [frame for frame in frames if len(frame)] or frames[:1]
        frame = pd.concat(filled, ignore_index=True)
        with atomic_path(path) as temporary:
            frame.to_parquet(temporary, index=False)
        paths.append(path)
    return paths

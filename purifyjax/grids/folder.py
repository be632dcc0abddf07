"""The folder of a grid: what it is, the blocks that are done, and the table of them all.

grid.json            the grid, sealed
blocks/              a record a block: its rows, its arrays, where and by which command they were made
claims/              who is computing what
cells.parquet        all rows, once every block is there
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from purifyjax.commands.progress import say
from purifyjax.errors import ConfigError, require
from purifyjax.files import write_bytes
from purifyjax.grids.claims import STALE, Claims
from purifyjax.grids.compute import Arrays
from purifyjax.grids.grid import Block, Grid, from_plain
from purifyjax.grids.task import name_of
from purifyjax.sealed import DamagedError, read_sealed, write_sealed
from purifyjax.store import Record, Store

_GRID, _LABEL, _ROWS = "grid.json", "block", "cells"
DIVERGED = "diverged"


class Folder:
    """A grid and what is known of it on disk.

    Args:
      path: the folder; `Folder.of` opens one whose grid is not known yet.
    """

    def __init__(self, path: Path, grid: Grid, *, command: str = "", stale: float = STALE) -> None:
        self.path, self.grid = path, grid
        self.store = Store(path / "blocks", command=command)
        self.claims = Claims(path / "claims", stale)

    @classmethod
    def of(cls, path: Path, *, command: str = "", stale: float = STALE) -> Folder:
        """The folder of a grid that was begun there.

        Raises:
          ConfigError: there is none.
          DamagedError: its description is lost.
        """
        require((path / _GRID).exists(), "FOLDER", str(path), f"it is not the folder of a sweep: no {_GRID}")
        return cls(path, from_plain(read_sealed(path / _GRID)), command=command, stale=stale)

    def begin(self) -> None:
        """Write down which grid is computed here; `ConfigError` if another one is."""
        plain = self.grid.plain()
        if (self.path / _GRID).exists():
            try:
                other = read_sealed(self.path / _GRID)
            except DamagedError:
                other = plain  # blocks are known by their grid's fingerprint, whatever this file says
            for name, value in plain.items():
                if other.get(name) != value:
                    raise ConfigError(
                        f"--out {self.path} holds another grid, whose {name} is {other.get(name)!r}, not {value!r}: "
                        "choose another folder"
                    )
        write_sealed(self.path / _GRID, plain)

    def has(self, block: Block) -> bool:
        """Whether a block was stored."""
        return self.store.path(_LABEL, self.grid.mark, block.name).exists()

    def read(self, block: Block) -> Record | None:
        """A stored block; None if there is none, or a damaged one, which is removed."""
        return self.store.read(_LABEL, self.grid.mark, block.name)

    def write(self, block: Block, found: Arrays) -> None:
        """Store a block's numbers, whole or not at all."""
        rows = self.grid.table.iloc[block.cells].reset_index(drop=True)
        order = [*(name for name in self.grid.task.columns if name in found), *found]  # jit sorts names
        scalars = {name: found[name] for name in order if found[name].ndim == 1}
        clash = [name for name in scalars if name in rows]
        require(not clash, f"numbers of {name_of(self.grid.task)}", clash, "names that no setting has")
        nan = [np.isnan(v).reshape(len(v), -1).any(axis=1) for v in found.values() if v.dtype.kind == "f"]
        void = scalars.pop(DIVERGED, np.any(nan, axis=0) if nan else np.zeros(len(rows), bool))
        rows = rows.assign(**scalars, **{DIVERGED: np.asarray(void, bool)})
        rows.attrs = {"columns": dict(self.grid.task.columns)}
        arrays = {name: values for name, values in found.items() if values.ndim > 1}
        self.store.write(_LABEL, self.grid.mark, block.name, arrays=arrays, tables={_ROWS: rows})

    def done(self) -> Iterator[tuple[Block, Record]]:
        """The blocks that are stored and whole."""
        for block in self.grid.blocks:
            record = self.read(block)
            if record is not None:
                yield block, record

    def rows(self) -> pd.DataFrame:
        """The rows of all blocks that are done, in the grid's order."""
        found = [record.tables[_ROWS] for _, record in self.done()]
        return pd.concat(found, ignore_index=True) if found else self.grid.table.iloc[:0].assign(**{DIVERGED: False})

    def arrays(self, name: str) -> np.ndarray:
        """An array of every cell that is done, in the order of `rows`."""
        every = [record.arrays for _, record in self.done()]
        found = [own[name] for own in every if name in own]
        known = sorted({key for own in every for key in own})
        require(found, "array", name, f"one of {', '.join(known) or 'none'}")
        return np.concatenate(found)

    def finish(self) -> pd.DataFrame:
        """The rows of all blocks that are done, written as the table of all cells if every block is."""
        rows = self.rows()
        if len(rows) == len(self.grid.table):
            write_bytes(self.path / "cells.parquet", rows.to_parquet(index=False))
        return rows


def merge(folders: Sequence[Path], out: Path) -> Folder:
    """The union of the blocks of folders of one grid, in a folder of its own; the others stay as they are.

    Raises:
      ConfigError: no folder, or folders of different grids.
    """
    require(folders, "FOLDER", list(folders), "the folders of one or more sweeps")
    parts = [Folder.of(path) for path in folders]
    whole = Folder(out, parts[0].grid)
    for part in parts[1:]:
        same = part.grid.plain() == whole.grid.plain()
        require(same, "FOLDER", str(part.path), f"a sweep of the same grid as {parts[0].path}")
    whole.begin()
    for part in parts:
        say(f"{part.path}: {whole.store.adopt(part.path / 'blocks')} blocks copied")
    whole.finish()
    return whole

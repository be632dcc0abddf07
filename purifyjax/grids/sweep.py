"""A grid computed block by block, by as many processes as there are."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from purifyjax.commands.progress import Bar, say
from purifyjax.errors import require
from purifyjax.grids.claims import STALE
from purifyjax.grids.compute import Computer
from purifyjax.grids.folder import Folder
from purifyjax.grids.grid import Block, Grid

Shard = tuple[int, int]
_POLL = 1.0  # seconds between two looks at what others do
# (number of this job, how many there are): of Slurm's array jobs, and of Kubernetes' indexed ones.
_JOBS = (("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT"), ("JOB_COMPLETION_INDEX", "JOB_COMPLETION_COUNT"))


def shard_of(text: str | None, environment: Mapping[str, str] = os.environ) -> Shard:
    """(i, n) of "i/n", i from 0; without it that of the array job whose part this process is, else 0/1.

    Kubernetes tells no number of jobs: JOB_COMPLETION_COUNT has to be set beside JOB_COMPLETION_INDEX. Slurm's arrays
    may begin anywhere: SLURM_ARRAY_TASK_MIN is taken off.

    Raises:
      ConfigError: anything else.
    """
    allowed = "i/n with 0 ≤ i < n, such as 0/4"
    if text is not None:
        index, slash, count = text.partition("/")
        require(slash and index.isdecimal() and count.isdecimal(), "--shard", text, allowed)
        require(int(index) < int(count), "--shard", text, allowed)
        return int(index), int(count)
    for index, count in _JOBS:
        if environment.get(index) and environment.get(count):
            own, first = environment[index], environment.get("SLURM_ARRAY_TASK_MIN", "0") if "SLURM" in index else "0"
            said = f"{own} of {environment[count]}"
            fine = own.isdecimal() and environment[count].isdecimal() and first.isdecimal()
            require(fine and 0 <= int(own) - int(first) < int(environment[count]), f"{index}, {count}", said, allowed)
            return int(own) - int(first), int(environment[count])
    return 0, 1


def sweep(
    grid: Grid,
    out: Path,
    *,
    shard: Shard = (0, 1),
    wait: bool = True,
    command: str = "",
    stale: float = STALE,
    progress: bool = True,
) -> pd.DataFrame:
    """Compute what of a grid is not in the folder yet; the rows of all blocks that are done then.

    Every block is stored when it is done, whole or not at all. Processes that are given the same folder share its
    blocks; one that is killed loses the block that it was at, which another takes over.

    Args:
      shard: (i, n) for the blocks i, i + n, i + 2 n, …
      wait: whether to wait for blocks of the shard that others are at, and take over those of processes that die.
      command: kept beside every block.
      stale: seconds without a sign of life after which another machine's claim is anybody's.
      progress: whether to tell how far it is.

    Raises:
      ConfigError: a grid that cannot be, a folder with another one, or cells that do not fit into memory.
    """
    grid.validate()
    folder = Folder(out, grid, command=command, stale=stale)
    folder.begin()
    index, count = shard
    own = [block for block in grid.blocks if block.number % count == index]
    for block in filter(folder.has, own):
        folder.read(block)  # one that is damaged goes, and is computed again
    cells = {block.number: len(block.cells) for block in own}
    with Bar(f"{len(grid.table)} cells", sum(cells.values()), silent=not progress, unit="cell") as bar:
        _all(folder, own, Computer(say), wait, lambda block: bar.update(cells[block.number]))
    return folder.finish()


def _all(folder: Folder, blocks: list[Block], compute: Computer, wait: bool, done: Callable[[Block], None]) -> None:
    left = blocks
    while left:
        before, left = left, []
        for block in before:
            if folder.has(block) or _one(folder, block, compute):
                done(block)
            else:
                left.append(block)
        if not wait:
            return
        if len(left) == len(before):
            time.sleep(_POLL)


def _one(folder: Folder, block: Block, compute: Computer) -> bool:
    """Compute a block unless somebody else does; whether it is done."""
    with folder.claims.claimed(block.name) as mine:
        if not mine:
            return False
        if not folder.has(block):  # finished by another between the look and the claim
            folder.write(block, compute(folder.grid.tasks_of(block), folder.grid.seeds_of(block)))
        return True

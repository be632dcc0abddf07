"""Workers of a sweep on a Slurm cluster, through submitit (the extra `cluster`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from purifyjax.errors import ConfigError, require_count
from purifyjax.grids.folder import Folder
from purifyjax.grids.grid import Grid
from purifyjax.grids.sweep import sweep


def launch(grid: Grid, out: Path, workers: int, *, cluster: str | None = None, **parameters: Any) -> list[Any]:
    """Submit workers that share a grid's folder; their jobs, whose `result()` is how many cells are done then.

    Workers claim blocks: they may be fewer than asked for, start late, and be killed. Submit more at any time, or run
    `python -m purifyjax sweep --out OUT` by hand beside them.

    Args:
      out: the folder, on a file system that all machines share.
      cluster: "slurm", "local" for processes of this machine, or None for what submitit finds.
      parameters: of submitit's executor, such as timeout_min, slurm_partition, gpus_per_node, slurm_array_parallelism.

    Raises:
      ConfigError: a grid that cannot be, a folder with another one, or submitit is not installed.
    """
    try:
        import submitit
    except ImportError:
        raise ConfigError("launching needs submitit: install purifyjax[cluster]") from None
    require_count("workers", workers)
    grid.validate()
    Folder(out, grid).begin()
    executor = submitit.AutoExecutor(folder=out / "jobs" / "%j", cluster=cluster)
    executor.update_parameters(name="purifyjax", **parameters)
    with executor.batch():
        return [executor.submit(work, out) for _ in range(workers)]


def work(out: Path) -> int:
    """Go on with the grid of a folder; how many cells are done then."""
    from purifyjax.commands.ending import computing

    with computing():
        return len(sweep(Folder.of(out).grid, out, command="submitit", progress=False))

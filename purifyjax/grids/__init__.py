"""Grids of settings × seeds: one program a shape, blocks that any number of processes share, one table at the end."""

from purifyjax.grids.folder import Folder, merge
from purifyjax.grids.grid import Grid
from purifyjax.grids.summary import averages
from purifyjax.grids.sweep import sweep
from purifyjax.grids.task import Task, static, task_named

__all__ = ["Folder", "Grid", "Task", "averages", "merge", "static", "sweep", "task_named"]

"""What a grid is: its cells, their blocks, and what is refused."""

import numpy as np
import pytest

from purifyjax.errors import ConfigError
from purifyjax.grids import Grid, Task, task_named
from purifyjax.grids.grid import from_plain
from purifyjax.grids.task import name_of, settings_of
from tests.purifyjax.grids.toy import Walk

GRID = Grid(Walk(), {"size": (1.0, 2.0), "steps,shift": ((3, 0.5), (5, 0.25), (3, 0.0))}, (7, 8, 9), block=4)


def test_every_combination_is_a_cell_once():
    found = {tuple(row) for row in GRID.table[["size", "steps", "shift", "seed"]].itertuples(index=False)}
    pairs = ((3, 0.5), (5, 0.25), (3, 0.0))
    assert found == {(size, *pair, seed) for size in (1.0, 2.0) for pair in pairs for seed in (7, 8, 9)}
    assert len(GRID.table) == 18 and (GRID.table["cell"] == np.arange(18)).all() and set(GRID.table.label) == {"x"}


def test_blocks_hold_cells_of_one_shape_and_all_of_them():
    blocks = GRID.blocks
    assert [block.number for block in blocks] == list(range(len(blocks)))
    assert np.concatenate([block.cells for block in blocks]).tolist() == list(range(18))
    for block in blocks:
        assert len(block.cells) <= 4 and GRID.table.steps.iloc[block.cells].nunique() == 1
        own = GRID.table.iloc[block.cells]
        tasks = GRID.tasks_of(block)
        assert tasks == [Walk(*row) for row in own[["steps", "label", "size", "shift"]].itertuples(index=False)]
        assert GRID.seeds_of(block) == own["seed"].tolist()
    assert GRID.table.steps.is_monotonic_increasing  # those of one shape follow each other


def test_a_grid_is_what_it_says_of_itself():
    again = from_plain(GRID.plain())
    assert again.table.equals(GRID.table) and again.mark == GRID.mark and again.tasks == GRID.tasks
    others = (
        Grid(Walk(), GRID.over, (7, 8), 4),
        Grid(Walk(label="y"), GRID.over, GRID.seeds, 4),
        Grid(Walk(), {"size": (1.0,)}, GRID.seeds, 4),
        Grid(Walk(), GRID.over, GRID.seeds, 5),
    )
    assert len({GRID.mark, *(other.mark for other in others)}) == 5


def test_static_settings_are_told_from_traced_ones():
    assert settings_of(Walk) == {"steps": True, "label": True, "size": False, "shift": False}


@pytest.mark.parametrize(
    ("grid", "told"),
    [
        (Grid(Walk(), {"length": (1,)}, (1,)), "--over = 'length' is not allowed: settings of the task: steps, label"),
        (Grid(Walk(), {"size": (1.0,), "size,shift": ((1.0, 1.0),)}, (1,)), "each setting once"),
        (Grid(Walk(), {"size": ()}, (1,)), "at least one value"),
        (Grid(Walk(), {"size": (1.0, 1.0)}, (1,)), "distinct values"),
        (Grid(Walk(), {"size,shift": (1.0,)}, (1,)), "2 values together"),
        (Grid(Walk(), {}, ()), "seeds = .* at least one"),
        (Grid(Walk(), {}, (1, 1)), "distinct"),
        (Grid(Walk(), {}, (1,), block=0), "block = 0"),
        (Grid(Walk(), {"steps": (3, 0)}, (1,)), "steps = 0 is not allowed: at least 1"),
        (Grid(Walk(), {"size": range(5000)}, tuple(range(5000))), "cells = 25000000"),
    ],
    ids=lambda value: "" if isinstance(value, Grid) else value[:20],
)
def test_what_cannot_be_is_refused(grid, told):
    with pytest.raises(ConfigError, match=told):
        grid.validate()


class NeedsSomething(Task):
    size: float


@pytest.mark.parametrize(
    "name",
    [
        "nothing",
        "tests.purifyjax.grids.toy:Run",
        "nowhere:Walk",
        "json:dumps",
        "tests.purifyjax.grids.test_grid:NeedsSomething",
    ],
)
def test_a_task_that_is_none_is_refused(name):
    with pytest.raises(ConfigError, match="TASK = "):
        task_named(name)


def test_tasks_are_found_by_their_names():
    assert task_named(name_of(Walk())) == Walk()
    assert name_of(task_named("purification")) == "purification"

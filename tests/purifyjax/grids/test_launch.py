"""Workers that submitit starts, here as processes of this machine."""

import pandas as pd
import pytest

from purifyjax.errors import ConfigError
from purifyjax.grids import Grid, sweep
from purifyjax.grids.launch import launch
from tests.purifyjax.grids.toy import Walk

GRID = Grid(Walk(), {"size": (1.0, 2.0)}, tuple(range(12)), block=3)


def test_workers_of_submitit_share_a_grid(tmp_path):
    pytest.importorskip("submitit")
    jobs = launch(GRID, tmp_path / "jobs", 2, cluster="local", timeout_min=5)
    assert [job.result() for job in jobs] == [24, 24]
    here = sweep(GRID, tmp_path / "here", progress=False)
    shared = pd.read_parquet(tmp_path / "jobs" / "cells.parquet")
    pd.testing.assert_frame_equal(shared, here, rtol=1e-5, check_like=False)


def test_what_cannot_be_is_told_before_anything_is_submitted(tmp_path):
    pytest.importorskip("submitit")
    with pytest.raises(ConfigError, match="workers = 0"):
        launch(GRID, tmp_path, 0, cluster="local")
    with pytest.raises(ConfigError, match="--over = 'length'"):
        launch(Grid(Walk(), {"length": (1,)}, (1,)), tmp_path, 1, cluster="local")

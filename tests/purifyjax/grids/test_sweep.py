"""A grid's table is the same however it was computed: at once, in parts, by many processes, after a kill."""

import os
import random
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pandas as pd
import pytest

from purifyjax.errors import ConfigError
from purifyjax.grids import Folder, Grid, averages, compute, merge, sweep
from purifyjax.grids.sweep import shard_of
from tests.purifyjax.grids import toy
from tests.purifyjax.grids.toy import Slow, Walk

OVER = {"size": (1.0, 2.0), "steps": (3, 5)}
GRID = Grid(Walk(), OVER, tuple(range(10)), block=4)
ROOT = os.getcwd()


def run(grid, out, **options):
    return sweep(grid, out, progress=False, **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    toy.TRACES.clear()
    rows = run(GRID, out)
    assert (
        sorted(set(toy.TRACES)) == [3, 5] and len(toy.TRACES) == 2
    )  # one trace a shape: values and seeds compile nothing
    return out, rows


def test_numbers_are_those_of_the_task_alone(whole):
    out, rows = whole
    for row in rows.itertuples():
        found = Walk(steps=row.steps, size=row.size)(jax.random.key(row.seed))
        assert row.end == pytest.approx(float(found["end"]), rel=1e-5, abs=1e-6)
    paths = [record.arrays["path"] for _, record in Folder.of(out).done()]
    assert {path.shape[1] for path in paths} == {3, 5} and sum(map(len, paths)) == len(rows) == 40


def test_the_table_is_written_when_all_is_there(whole):
    out, rows = whole
    assert pd.read_parquet(out / "cells.parquet").equals(rows) and not rows.diverged.any()
    assert rows.attrs == {} or "columns" in rows.attrs
    assert list(rows.columns) == ["cell", "steps", "label", "size", "shift", "seed", "square", "end", "diverged"]


def test_what_is_there_is_not_computed_again(whole, monkeypatch):
    out, rows = whole
    monkeypatch.setattr(compute.Computer, "__call__", lambda *_: pytest.fail("computed again"))
    assert run(GRID, out).equals(rows)


def test_a_damaged_block_is_computed_again(whole, tmp_path):
    _, rows = whole
    run(GRID, tmp_path)
    before = (tmp_path / "cells.parquet").read_bytes()
    block = next((tmp_path / "blocks").glob("*/000003/cells.parquet"))
    block.write_bytes(block.read_bytes()[:-9])
    assert run(GRID, tmp_path).equals(rows) and (tmp_path / "cells.parquet").read_bytes() == before


def test_shards_in_folders_of_their_own_merge_into_the_whole(whole, tmp_path):
    out, rows = whole
    folders = [tmp_path / str(i) for i in range(3)]
    for i, folder in enumerate(folders):
        assert len(run(GRID, folder, shard=(i, 3))) < len(rows) and not (folder / "cells.parquet").exists()
    merged = merge(folders, tmp_path / "all")
    assert merged.rows().equals(rows)
    assert (tmp_path / "all" / "cells.parquet").read_bytes() == (out / "cells.parquet").read_bytes()


def test_folders_of_other_grids_are_refused(whole, tmp_path):
    out, _ = whole
    other = Grid(Walk(), OVER, (1, 2), block=4)
    with pytest.raises(ConfigError, match="holds another grid, whose seeds is"):
        run(other, out)
    run(other, tmp_path)
    with pytest.raises(ConfigError, match="a sweep of the same grid as"):
        merge([out, tmp_path], tmp_path / "all")
    with pytest.raises(ConfigError, match="not the folder of a sweep"):
        Folder.of(tmp_path / "nothing")


def test_lost_cells_are_marked_and_left_out(tmp_path):
    rows = run(Grid(Walk(), {"size": (1.0, 1000.0)}, (1, 2, 3)), tmp_path)
    assert rows.diverged.tolist() == [False] * 3 + [True] * 3
    table = averages(Folder.of(tmp_path), ["end"])
    assert table.seeds.tolist() == [3, 0] and table.diverged.tolist() == [0, 3]
    own = rows.end[:3]
    half = 4.302652729911275 * own.std(ddof=1) / np.sqrt(3)  # t of two degrees of freedom
    assert (table["mean"][0], table.high[0]) == pytest.approx((own.mean(), own.mean() + half))


def test_memory_that_is_too_small_halves_what_is_done_at_once(tmp_path, monkeypatch, whole, capsys):
    _, rows = whole
    computed, widths = compute._computed, []

    def small(tasks, seeds, width):
        widths.append(width)
        if width > 1:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes")
        return computed(tasks, seeds, width)

    monkeypatch.setattr(compute, "_computed", small)
    found = run(GRID, tmp_path)
    pd.testing.assert_frame_equal(found, rows, rtol=1e-5)
    assert widths[:3] == [4, 2, 1] and widths.count(4) == 2  # once a shape
    assert "memory was too small: 2 cells at once from now on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED"), ConfigError),
        (jax.errors.JaxRuntimeError("INTERNAL: a bug"), jax.errors.JaxRuntimeError),
    ],
    ids=["memory", "bug"],
)
def test_what_halving_does_not_help_is_told(tmp_path, monkeypatch, error, raised):
    def fail(*_):
        raise error

    monkeypatch.setattr(compute, "_computed", fail)
    with pytest.raises(raised):
        run(GRID, tmp_path)


@pytest.mark.parametrize(
    ("text", "environment", "shard"),
    [
        (None, {}, (0, 1)),
        ("2/5", {"SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "2"}, (2, 5)),
        (None, {"SLURM_ARRAY_TASK_ID": "4", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "1"}, (3, 4)),
        (None, {"JOB_COMPLETION_INDEX": "0", "JOB_COMPLETION_COUNT": "3"}, (0, 3)),
        (None, {"JOB_COMPLETION_INDEX": "2"}, (0, 1)),
    ],
)
def test_a_jobs_shard(text, environment, shard):
    assert shard_of(text, environment) == shard


@pytest.mark.parametrize("text", ["", "1", "2/2", "-1/2", "a/b", "1/2/3", "1/0"])
def test_a_shard_that_is_none_is_refused(text):
    with pytest.raises(ConfigError, match="--shard = "):
        shard_of(text, {})


def worker(out, seconds="0.02"):
    command = [sys.executable, "-m", "purifyjax", "sweep", "tests.purifyjax.grids.toy:Slow", "--out", str(out)]
    command += ["--over", "size=1.0,2.0", "steps=3,5", "--seeds", "0-39", "--block", "4"]
    about = {"TOY_SECONDS": seconds, "JAX_PLATFORMS": "cpu"}
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | about, stdout=nowhere, stderr=nowhere)


@pytest.mark.long
def test_processes_that_are_killed_leave_the_table_of_one_that_is_not(tmp_path):
    """Two workers share a folder; one is killed at random, again and again, and another comes in its place."""
    rng = random.Random(0)
    steady, killed = worker(tmp_path / "shared"), 0
    while steady.poll() is None and killed < 4:
        other = worker(tmp_path / "shared")
        time.sleep(rng.uniform(2.0, 5.0))
        if other.poll() is None:
            other.send_signal(signal.SIGKILL)
            killed += 1
        other.wait()
    assert steady.wait(timeout=300) == 0
    last = worker(tmp_path / "shared")
    assert last.wait(timeout=300) == 0
    assert killed >= 1
    run(Grid(Slow(), {"size": (1.0, 2.0), "steps": (3, 5)}, tuple(range(40)), block=4), tmp_path / "alone")
    alone, shared = (pd.read_parquet(tmp_path / name / "cells.parquet") for name in ("alone", "shared"))
    pd.testing.assert_frame_equal(alone, shared, rtol=1e-6)  # this process compiles with other flags
    assert not list((tmp_path / "shared" / "claims").glob("0*"))


DEVICES = """
import sys
import jax
from pathlib import Path
from purifyjax.grids import Grid, sweep
from purifyjax.grids.compute import Computer
from tests.purifyjax.grids.toy import Walk
assert jax.device_count() == int(sys.argv[2])
sweep(Grid(Walk(), {"size": (1.0, 2.0), "steps": (3, 5)}, tuple(range(10)), block=16), Path(sys.argv[1]))
"""


def test_eight_devices_give_the_numbers_of_one(tmp_path):
    for count in (1, 8):
        about = {"XLA_FLAGS": f"--xla_force_host_platform_device_count={count}", "JAX_PLATFORMS": "cpu"}
        command = [sys.executable, "-c", DEVICES, str(tmp_path / str(count)), str(count)]
        done = subprocess.run(command, cwd=ROOT, env=os.environ | about, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    one, eight = (pd.read_parquet(tmp_path / str(count) / "cells.parquet") for count in (1, 8))
    pd.testing.assert_frame_equal(one, eight, rtol=1e-6)

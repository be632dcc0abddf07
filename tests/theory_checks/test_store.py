"""Stored results are whole, known by what made them, and never believed when they are damaged."""

import json
import multiprocessing
import shutil
import threading

import numpy as np
import pandas as pd
import pytest

from purifyjax.errors import ConfigError
from theory_checks.store import Store, locked, sweep

ARRAYS = {"weight": np.arange(12, dtype=np.float32).reshape(3, 4)}
TABLES = {"points": pd.DataFrame({"seed": [1, 2], "value": [0.5, 0.25]})}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store", command="made by a test")


def written(store, name="seed-0", mark="abc"):
    store.write("nets", mark, name, arrays=ARRAYS, tables=TABLES, about={"diverged": False})
    return store.path("nets", mark, name)


def test_what_is_written_is_read(store):
    path = written(store)
    found = store.read("nets", "abc", "seed-0")
    np.testing.assert_array_equal(found.arrays["weight"], ARRAYS["weight"])
    pd.testing.assert_frame_equal(found.tables["points"], TABLES["points"])
    assert found.about == {"diverged": False}
    about = json.loads((path / "record.json").read_text())
    assert about["command"] == "made by a test" and about["environment"]["versions"]["jax"]
    assert set(about["files"]) == {"arrays.npz", "points.parquet"} and about["time"].endswith("Z")


@pytest.mark.parametrize(("mark", "name"), [("abd", "seed-0"), ("abc", "seed-1")])
def test_another_mark_or_name_is_another_record(store, mark, name):
    written(store)
    assert store.read("nets", mark, name) is None


def test_a_record_moved_to_another_mark_is_not_believed(store, capsys):
    path = written(store)
    shutil.copytree(path, store.path("nets", "abd", "seed-0"))
    assert store.read("nets", "abd", "seed-0") is None
    assert "record.json" in capsys.readouterr().err


@pytest.mark.parametrize("file", ["arrays.npz", "points.parquet", "record.json"])
def test_one_flipped_bit_is_found_named_and_made_anew(store, file, capsys):
    path = written(store)
    whole = (path / file).read_bytes()
    for place in np.linspace(0, len(whole) - 1, 40, dtype=int):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << (place % 8)
        written(store)
        (path / file).write_bytes(bytes(damaged))
        assert store.read("nets", "abc", "seed-0") is None, place
        error = capsys.readouterr().err
        assert file in error and "made anew" in error and error.count("\n") == 1
        assert not path.exists()


@pytest.mark.parametrize("file", ["arrays.npz", "points.parquet", "record.json"])
def test_a_missing_or_short_file_is_found(store, file):
    path = written(store)
    (path / file).write_bytes((path / file).read_bytes()[:-1])
    assert store.read("nets", "abc", "seed-0") is None
    path = written(store)
    (path / file).unlink()
    assert store.read("nets", "abc", "seed-0") is None


def test_without_resuming_only_what_this_process_wrote_is_read(store):
    written(store)
    fresh = Store(store.folder, resume=False)
    assert fresh.read("nets", "abc", "seed-0") is None
    written(fresh)
    assert fresh.read("nets", "abc", "seed-0") is not None


def test_stores_merge_by_copying_what_is_whole(store, tmp_path, capsys):
    other = Store(tmp_path / "other")
    written(store, "seed-0")
    for name in ("seed-0", "seed-1", "seed-2"):
        written(other, name)
    (other.path("nets", "abc", "seed-2") / "arrays.npz").write_bytes(b"nothing")
    before = sorted(path for path in other.folder.rglob("*"))
    assert store.adopt(other.folder) == 1
    assert store.read("nets", "abc", "seed-1") is not None and store.read("nets", "abc", "seed-2") is None
    assert "left out" in capsys.readouterr().err
    assert sorted(path for path in other.folder.rglob("*")) == before


def test_what_killed_processes_left_is_swept_and_nothing_else(store, tmp_path):
    path = written(store)
    left = [
        path.with_name(".0123abcd.seed-7"),
        tmp_path / "tables" / ".89abcdef.x.parquet",
        tmp_path / ".01234567.v.json",
    ]
    left[0].mkdir()
    (left[0] / "arrays.npz").write_bytes(b"half")
    for file in left[1:]:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"half")
    kept = [tmp_path / ".hidden", tmp_path / "own" / ".01234567.theirs"]
    kept[1].parent.mkdir()
    for file in kept:
        file.write_text("mine")
    sweep(tmp_path)
    assert not any(file.exists() for file in left) and all(file.exists() for file in kept)
    assert store.read("nets", "abc", "seed-0") is not None


def hold(folder, ready, release):
    with locked(folder):
        ready.set()
        release.wait(30)


def test_a_second_process_refuses_or_waits(tmp_path, capsys):
    context = multiprocessing.get_context("spawn")
    ready, release = context.Event(), context.Event()
    other = context.Process(target=hold, args=(tmp_path, ready, release))
    other.start()
    try:
        assert ready.wait(60)
        with pytest.raises(ConfigError, match=rf"--out {tmp_path} is in use by process {other.pid}: wait for it"):
            with locked(tmp_path):
                pass
        threading.Timer(0.5, release.set).start()
        with locked(tmp_path, wait=True):
            pass
        assert "waiting for it" in capsys.readouterr().err
    finally:
        release.set()
        other.join(30)
    with locked(tmp_path):  # free again
        pass


def test_a_killed_process_leaves_the_folder_free(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready, release = context.Event(), context.Event()
    other = context.Process(target=hold, args=(tmp_path, ready, release))
    other.start()
    assert ready.wait(60)
    other.kill()
    other.join(30)
    with locked(tmp_path):
        pass

"""Programs are kept from one command to the next; where they cannot be, nothing is said and all is computed."""

import os
import shutil
import subprocess
import sys
import warnings

import jax
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache

from purifyjax.commands import compiled
from tests.theory_checks.processes import start
from theory_checks.spans import recording

KEYS = ("jax_compilation_cache_dir", "jax_enable_compilation_cache", *compiled._LEAST)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user's home whose cache nobody has named, and every program is kept."""
    before = {name: getattr(jax.config, name) for name in KEYS}
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setitem(compiled._LEAST, "jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_compilation_cache_dir", None)
    compilation_cache.reset_cache()
    yield tmp_path
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


def programs(folder):
    return sorted(folder.glob(".cache/purifyjax/programs/*-cache"))


def compute(factor: float) -> tuple[float, int, int]:
    """A number, and how many programs it took, and how many of them were read."""
    jax.clear_caches()
    with compiled.kept(), recording() as spans:
        found = float(jax.jit(lambda x: (x * factor).sum())(np.ones(5, np.float32)))
    table = spans.table()
    return found, int(table.programs.sum()), int(table.reused.sum())


def test_the_second_time_programs_are_read(home):
    assert compute(2.5) == (12.5, 1, 0)
    assert len(programs(home)) == 1
    assert compute(2.5) == (12.5, 1, 1)
    assert (home / ".cache" / "purifyjax" / "programs").stat().st_mode & 0o077 == 0


def test_settings_come_back(home):
    before = {name: getattr(jax.config, name) for name in KEYS}
    compute(2.75)
    assert {name: getattr(jax.config, name) for name in KEYS} == before
    count = len(programs(home))
    jax.jit(lambda x: x * 3.75)(np.ones(5, np.float32))
    assert len(programs(home)) == count


def test_another_cache_folder_of_the_user(home, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "other"))
    compute(3.5)
    assert not programs(home) and list((home / "other" / "purifyjax" / "programs").iterdir())


@pytest.mark.parametrize("said", ["relative", ""])
def test_a_cache_folder_that_is_none_is_not_used(home, monkeypatch, said):
    monkeypatch.setenv("XDG_CACHE_HOME", said)
    compute(3.625)
    assert programs(home)


def test_jaxs_own_settings_come_first(home):
    jax.config.update("jax_compilation_cache_dir", str(home / "own"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    compute(4.5)
    assert not programs(home) and list((home / "own").iterdir())
    jax.config.update("jax_compilation_cache_dir", None)
    jax.config.update("jax_enable_compilation_cache", False)
    compute(4.5)
    assert not programs(home)


def full(self, data):
    raise OSError(28, "No space left on device")


def damage(home, monkeypatch):
    for path in programs(home):
        path.write_bytes(path.read_bytes()[:100])


def empty(home, monkeypatch):
    for path in programs(home):
        path.write_bytes(b"")


def forbid(home, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)


def block(home, monkeypatch):
    shutil.rmtree(home / ".cache")
    (home / ".cache").write_text("a file")


def fill(home, monkeypatch):
    for path in programs(home):
        path.unlink()
    monkeypatch.setattr("pathlib.Path.write_bytes", full)


def nobody(home, monkeypatch):
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)


@pytest.mark.parametrize("break_it", [damage, empty, forbid, block, fill, nobody])
def test_where_programs_cannot_be_kept_they_are_compiled(home, monkeypatch, break_it):
    factor = 5.5
    compute(factor)
    break_it(home, monkeypatch)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert compute(factor) == (27.5, 1, 0)
    assert not told


def test_the_folder_is_bounded(tmp_path):
    for place, name in enumerate("edcba"):
        (tmp_path / name).write_bytes(bytes(10))
        os.utime(tmp_path / name, (place, place))
    compiled.bound(tmp_path, 50)
    assert len(list(tmp_path.iterdir())) == 5
    os.utime(tmp_path / "e", (9, 0))  # read lately
    compiled.bound(tmp_path, 35)
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b", "e"}
    compiled.bound(tmp_path / "missing")


def test_commands_beside_each_other_share_the_folder(tmp_path, monkeypatch):
    """Two at once, and one after them that reads what they wrote: the same words, and no warning."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CACHE_HOME", "JAX_COMPILATION_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    processes = [start(tmp_path / name, text=True) for name in "ab"]
    ends = [process.communicate(timeout=120) for process in processes]
    third = start(tmp_path / "c", text=True)
    ends.append(third.communicate(timeout=120))
    assert [process.returncode for process in (*processes, third)] == [0, 0, 0], ends
    assert ends[0][0] == ends[1][0] == ends[2][0]
    assert all("cache" not in error and "Warning" not in error for _, error in ends)
    assert programs(tmp_path)


def test_a_home_that_is_read_only_is_no_error(tmp_path):
    environment = os.environ | {"HOME": "/proc", "XDG_CACHE_HOME": ""}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    code = "import jax\nfrom purifyjax.commands.compiled import kept\nwith kept():\n jax.jit(lambda x: x + 1)(1)"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""

"""Files are whole or absent, and nothing temporary stays behind."""

import errno
import json
import os
import resource
import stat

import numpy as np
import pytest

from purifyjax.files import WriteError, atomic_path, remove, write_bytes, write_text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_file_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "deep" / "er" / "table.csv"
    with atomic_path(target) as temporary:
        temporary.write_text("a,b")
        assert not target.exists()
        assert temporary.parent == target.parent
    assert target.read_text() == "a,b"
    assert names(target.parent) == ["table.csv"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_failure_leaves_the_old_file(tmp_path, error):
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(error), atomic_path(target) as temporary:
        temporary.write_text("half of the n")
        raise error
    assert target.read_text() == "old"
    assert names(tmp_path) == ["table.csv"]


def test_block_that_writes_nothing_is_an_error(tmp_path):
    (tmp_path / "table.csv").write_text("old")
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "table.csv"):
        pass
    assert (tmp_path / "table.csv").read_text() == "old"


def test_writers_that_look_at_the_suffix(tmp_path):
    with atomic_path(tmp_path / "arrays.npz") as temporary:
        np.savez(temporary, weights=np.arange(3))
    assert names(tmp_path) == ["arrays.npz"]
    with np.load(tmp_path / "arrays.npz") as arrays:
        assert arrays["weights"].tolist() == [0, 1, 2]


def test_two_writers_do_not_share_a_temporary_file(tmp_path):
    with atomic_path(tmp_path / "a") as first, atomic_path(tmp_path / "a") as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "a").read_text() == "first"  # the outer block ends last
    assert names(tmp_path) == ["a"]


def test_permissions_are_those_of_an_ordinary_file(tmp_path):
    (tmp_path / "ordinary").write_text("")
    write_text(tmp_path / "atomic", "")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ordinary", "atomic")]
    assert modes[0] == modes[1]


def test_text_is_utf8_with_plain_line_ends(tmp_path):
    write_text(tmp_path / "note.txt", "τ ≤ 1/√k\n")
    assert (tmp_path / "note.txt").read_bytes() == "τ ≤ 1/√k\n".encode()


def test_odd_characters_are_read_from_json_as_they_were(tmp_path):
    text = json.dumps({"path": "\udcff τ"}, ensure_ascii=False)
    write_text(tmp_path / "path.json", text)
    assert json.loads((tmp_path / "path.json").read_text(encoding="utf-8")) == {"path": "\udcff τ"}


def test_a_folder_replaces_another_as_a_whole(tmp_path):
    for name in ("old", "new"):
        with atomic_path(tmp_path / "record") as temporary:
            temporary.mkdir()
            (temporary / name).write_text(name)
    assert names(tmp_path / "record") == ["new"] and names(tmp_path) == ["record"]


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def as_it_closes():
    """A writer that fails, and fails otherwise as it closes, like zipfile."""
    try:
        raise FULL
    finally:
        raise ValueError("cannot close while there is an open handle")


def by_another_name():
    try:
        raise FULL
    except OSError as error:
        raise RuntimeError("encoder error -2") from error


def plainly():
    raise FULL


@pytest.mark.parametrize("writer", [plainly, as_it_closes, by_another_name])
def test_a_full_disk_is_told_in_one_way_whatever_the_writer_says(tmp_path, writer):
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(WriteError) as refused, atomic_path(target) as temporary:
        temporary.write_text("half of the n")
        writer()
    assert str(refused.value) == f"{target} cannot be written: No space left on device"
    assert refused.value.errno == errno.ENOSPC and names(tmp_path) == ["table.csv"] and target.read_text() == "old"


def save_arrays(path):
    with atomic_path(path) as temporary:
        np.savez(temporary, a=np.ones(10_000), b=np.ones(10_000))


@pytest.mark.parametrize("write", [lambda path: write_bytes(path, b"x" * 100_000), save_arrays], ids=["bytes", "npz"])
@pytest.mark.parametrize("size", [0, 100, 50_000, 99_000])
def test_the_system_may_refuse_at_any_place(tmp_path, write, size):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        with pytest.raises(WriteError, match="file.npz cannot be written: File too large"):
            write(tmp_path / "file.npz")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names(tmp_path) == []


def test_a_parent_that_is_a_file_is_a_refusal(tmp_path):
    (tmp_path / "tables").write_text("a file")
    with pytest.raises(WriteError, match="a.csv cannot be written: File exists"):
        write_text(tmp_path / "tables" / "a.csv", "")


def test_what_is_removed_is_gone_whatever_it_is(tmp_path):
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "file").write_text("")
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    for name in ("folder", "file", "link", "nothing"):
        remove(tmp_path / name)
    assert names(tmp_path) == ["kept"]

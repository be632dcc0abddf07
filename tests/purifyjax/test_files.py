"""Files are whole or absent, and nothing temporary stays behind."""

import stat

import numpy as np
import pytest

from purifyjax.files import atomic_path, write_text


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

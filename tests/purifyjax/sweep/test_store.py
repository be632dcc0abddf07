"""Fingerprints tell runs apart; stored arrays come back whole or not at all."""

import numpy as np
import pytest

from purifyjax.data import SparseCoding
from purifyjax.sweep import fingerprint, load_arrays, save_arrays
from purifyjax.training import Phase


def test_equal_configs_have_equal_fingerprints():
    assert fingerprint(SparseCoding(margin=1.0), [0, 1]) == fingerprint(SparseCoding(margin=1.0), np.arange(2))


@pytest.mark.parametrize(
    "other",
    [
        (Phase(5, 8, 0.1), [0, 1], 0.3),
        (Phase(5, 8, 0.2), [0, 2], 0.3),
        (Phase(5, 8, 0.2, threshold_rule="frozen"), [0, 1], 0.3),
        (Phase(5, 8, 0.2), [0, 1], 0.31),
    ],
)
def test_any_change_changes_the_fingerprint(other):
    assert fingerprint(Phase(5, 8, 0.2), [0, 1], 0.3) != fingerprint(*other)


def test_arrays_round_trip_under_their_fingerprint(tmp_path):
    path = tmp_path / "deep" / "run.npz"
    arrays = {"w": np.arange(6.0).reshape(2, 3), "flag": np.array([True])}
    save_arrays(path, "mark", arrays)
    back = load_arrays(path, "mark")
    assert back is not None and set(back) == {"w", "flag"}
    np.testing.assert_array_equal(back["w"], arrays["w"])
    assert load_arrays(path, "another") is None
    assert [p.name for p in path.parent.iterdir()] == ["run.npz"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"not an archive"])
def test_a_damaged_file_counts_as_absent(tmp_path, content):
    path = tmp_path / "run.npz"
    path.write_bytes(content)
    assert load_arrays(path, "mark") is None


def test_a_truncated_archive_counts_as_absent(tmp_path):
    path = tmp_path / "run.npz"
    save_arrays(path, "mark", {"w": np.ones(1000)})
    path.write_bytes(path.read_bytes()[:-200])
    assert load_arrays(path, "mark") is None

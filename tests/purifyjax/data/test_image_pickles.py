"""Pickled batches may come from anyone: nothing in them is called, and only uint8 arrays are built."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from purifyjax.data.images import load
from purifyjax.errors import ConfigError

BATCHES = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")
HONEST = pickle.dumps({"data": np.arange(6144, dtype=np.uint8).reshape(2, 3072), "labels": [3, 7]}, 2)


class Evil:
    def __init__(self, function: Any, *arguments: Any):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def write(folder: Path, data: bytes) -> Path:
    for name in BATCHES:
        (folder / name).write_bytes(data if name == "data_batch_3" else HONEST)
    return folder / "data_batch_3"


def refused(tmp_path: Path, data: bytes) -> str:
    file = write(tmp_path, data)
    with pytest.raises(ConfigError) as error:
        load("cifar10", tmp_path)
    message = str(error.value)
    assert message.startswith(f"{file} cannot be read (") and "\n" not in message
    return message


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_malicious_pickle_is_refused_and_not_executed(tmp_path, protocol):
    mark = tmp_path / "executed"
    attack = pickle.dumps({"data": Evil(exec, f"open({str(mark)!r}, 'w').close()"), "labels": [1]}, protocol)
    message = refused(tmp_path, attack)
    assert "exec" in message and "no image file needs" in message
    assert not mark.exists()
    pickle.loads(attack)  # it would have been
    assert mark.exists()


@pytest.mark.parametrize(
    "function,arguments",
    [
        (getattr, (Path("file"), "unlink")),
        (np.ndarray, ((1, 3072), np.dtype(np.uint8))),
        (np.dtype, ("O",)),
        (np.dtype, ([("a", "u1")],)),
        (np.frombuffer, (b"abcd", np.uint8)),
        (np.load, ("file",)),
        (pickle.loads, (b"N.",)),
        (Path, ("file",)),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_only_what_arrays_need_can_be_called(tmp_path, function, arguments):
    refused(tmp_path, pickle.dumps({"data": Evil(function, *arguments), "labels": [1]}, 4))


def test_submodules_cannot_be_reached_by_dots(tmp_path):
    refused(tmp_path, b"\x80\x04\x8c\x05numpy\x8c\x0fndarray.tofile_\x93.")
    refused(tmp_path, b"\x80\x04\x8c\x05numpy\x8c\x0edtype.__init__\x93.")


def test_a_forged_type_cannot_turn_bytes_into_pointers(tmp_path):
    """dtype('O') whose state hides that it holds objects makes numpy take raw bytes for addresses."""
    raw = pickle.dumps(np.zeros(8, np.uint8), 2)
    refused(tmp_path, raw.replace(b"X\2\0\0\0u1", b"X\2\0\0\0O8"))
    # The state of a type (here its flags) is not applied either.
    flags = b"J\xff\xff\xff\xffK\0"
    assert HONEST.count(flags) == 1
    write(tmp_path, HONEST.replace(flags, flags[:-1] + b"\x3f"))
    with pytest.warns(UserWarning):
        images = load("cifar10", tmp_path)
    np.testing.assert_array_equal(images.train_x[4:6], images.test_x)
    assert np.dtype(np.uint8).flags == 0


def test_entries_that_do_not_fill_the_shape_are_refused(tmp_path):
    data = pickle.dumps(np.zeros((2, 5), np.uint8), 2)
    assert b"K\2K\5\x86" in data
    refused(tmp_path, data.replace(b"K\2K\5\x86", b"K\2K\6\x86"))
    refused(tmp_path, data.replace(b"K\2K\5\x86", b"K\2J\xff\xff\xff\x7f\x86"))

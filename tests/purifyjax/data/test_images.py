"""Image data sets: tiny files in the published formats, each way to break one, and what a pickle may not do."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import io
import pickle
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.io import savemat

from purifyjax.data.images import checksum, files, load
from purifyjax.errors import ConfigError
from tests.purifyjax.data.image_files import (
    ARCHIVE,
    BATCHES,
    CIFAR_FILES,
    FILES,
    HOUSES,
    HOUSES_TEST,
    MEMBERS,
    MNIST,
    MNIST_FILES,
    PARTS,
    SVHN_FILES,
    TEST,
    TRAIN,
    WHOLE,
    Pair,
    batch,
    idx,
    joined,
    mat,
    python2_batch,
    tar,
    write,
)

unofficial = pytest.mark.filterwarnings("ignore:.*not the official file")
needs_sklearn = pytest.mark.skipif(importlib.util.find_spec("sklearn") is None, reason="needs the extra images")


def check(images, train: Pair, test: Pair, name: str) -> None:
    """Exactly these images, of the promised types and ranges."""
    assert (images.name, images.classes) == (name, 10)
    for x, y, part in ((images.train_x, images.train_y, train), (images.test_x, images.test_y, test)):
        assert x.dtype == np.float32 and y.dtype == np.int32 and x.flags.c_contiguous
        assert x.min() >= 0.0 and x.max() <= 1.0
        np.testing.assert_allclose(x, part.pixel / 255.0, rtol=1e-7)
        np.testing.assert_array_equal(y, part.label)


def refused(name: str, folder: Path, *words: str) -> str:
    with pytest.raises(ConfigError) as error:
        load(name, folder)  # type: ignore[arg-type]
    message = str(error.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message
    return message


# Well-formed files


@unofficial
@pytest.mark.parametrize("folder", ["", "MNIST/raw"])
@pytest.mark.parametrize("packed", [(), MNIST, MNIST[1:3]], ids=["plain", "gz", "mixed"])
def test_mnist(tmp_path, folder, packed):
    write(
        tmp_path / folder,
        {f"{k}.gz" if k in packed else k: gzip.compress(v) if k in packed else v for k, v in MNIST_FILES.items()},
    )
    check(load("mnist", tmp_path), TRAIN, TEST, "mnist")
    check(load("mnist", str(tmp_path)), TRAIN, TEST, "mnist")


@unofficial
@pytest.mark.parametrize("folder", ["", "cifar-10-batches-py"])
@pytest.mark.parametrize("protocol", [2, 4])
def test_cifar10_batches(tmp_path, folder, protocol):
    write(tmp_path / folder, {name: batch(part, protocol) for name, part in zip(BATCHES, PARTS, strict=True)})
    check(load("cifar10", tmp_path), joined(PARTS[:5]), PARTS[5], "cifar10")


@unofficial
def test_cifar10_batches_of_python_2(tmp_path):
    write(tmp_path, {name: python2_batch(part) for name, part in zip(BATCHES, PARTS, strict=True)})
    check(load("cifar10", tmp_path), joined(PARTS[:5]), PARTS[5], "cifar10")
    # Our writer of that format is right: pickle itself reads the same.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer numpy frowns on Python 2's 0 and 1
        content = pickle.loads(python2_batch(PARTS[0]), encoding="bytes")
    np.testing.assert_array_equal(content[b"data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), PARTS[0].pixel)


@unofficial
@pytest.mark.parametrize("order", [1, -1], ids=["in order", "reversed"])
def test_cifar10_archive(tmp_path, order):
    members = {f"cifar-10-batches-py/{name}": data for name, data in list(CIFAR_FILES.items())[::order]}
    archive = tar({"cifar-10-batches-py/readme.html": b"<html>"} | members)
    write(tmp_path, {ARCHIVE: archive, "data_batch_1": b"left over, the others were not unpacked"})
    check(load("cifar10", tmp_path), joined(PARTS[:5]), PARTS[5], "cifar10")
    assert sorted(file.name for file in tmp_path.iterdir()) == [ARCHIVE, "data_batch_1"]


@unofficial
def test_svhn_calls_the_digit_zero_ten(tmp_path):
    check(load("svhn", write(tmp_path, SVHN_FILES)), HOUSES, HOUSES_TEST, "svhn")


@unofficial
def test_pixels_lie_where_the_formats_say(tmp_path):
    """CIFAR-10: entry 1024 channel + 32 row + column. SVHN: X[row, column, channel, image]. IDX: row by row."""
    row, column, channel, value = 3, 17, 2, 51
    flat, X = np.zeros((1, 3072), np.uint8), np.zeros((32, 32, 3, 1), np.uint8)  # noqa: N806
    flat[0, 1024 * channel + 32 * row + column] = X[row, column, channel, 0] = value
    data = pickle.dumps({"data": flat, "labels": [0]}, 4)
    house = io.BytesIO()
    savemat(house, {"X": X, "y": np.array([[10]], np.uint8)})
    write(tmp_path, dict.fromkeys(BATCHES, data) | dict.fromkeys(SVHN_FILES, house.getvalue()))
    for name in ("cifar10", "svhn"):
        images = load(name, tmp_path)
        np.testing.assert_array_equal(np.argwhere(images.test_x), [[0, row, column, channel]])
        assert images.test_x.max() == np.float32(0.2)
    image = bytearray(784)
    image[28 * row + column] = value
    write(tmp_path, MNIST_FILES | {MNIST[2]: bytes([0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 28, 0, 0, 0, 28]) + 3 * image})
    found = np.argwhere(load("mnist", tmp_path).test_x)
    np.testing.assert_array_equal(found, [[n, row, column, 0] for n in range(3)])


@unofficial
def test_images_go_into_jax_as_they_are(tmp_path):
    images = load("mnist", write(tmp_path, MNIST_FILES))
    assert jnp.asarray(images.train_x).dtype == jnp.float32 and jnp.asarray(images.train_y).dtype == jnp.int32


# Official or not


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_not_official_are_read_with_a_warning_each(tmp_path, name):
    write(tmp_path, FILES[name])
    with pytest.warns(UserWarning) as record:
        load(name, tmp_path)
    messages = [str(warning.message) for warning in record]
    assert len(messages) == len(FILES[name])
    for message, file in zip(messages, FILES[name], strict=True):
        assert message.startswith(f"{tmp_path / file} is not the official file") and "\n" not in message
    assert {warning.filename for warning in record} == {__file__}


def test_official_files_give_no_warning(tmp_path, monkeypatch):
    for file, data in MNIST_FILES.items():
        monkeypatch.setitem(files.MD5, file, hashlib.md5(data).hexdigest())
    check(load("mnist", write(tmp_path, MNIST_FILES)), TRAIN, TEST, "mnist")


def test_checksum_knows_the_official_names(tmp_path, monkeypatch):
    write(tmp_path, {"test_batch": b"abc", "other": b"abc"})
    assert checksum(tmp_path / "test_batch") is False and checksum(tmp_path / "other") is None
    monkeypatch.setitem(files.MD5, "test_batch", "900150983cd24fb0d6963f7d28e17f72")  # MD5 of abc, RFC 1321
    assert checksum(tmp_path / "test_batch") is True
    with pytest.raises(FileNotFoundError):
        checksum(tmp_path / "train_32x32.mat")


def test_every_file_that_is_read_has_a_published_checksum():
    expected = {*MNIST, *(f"{name}.gz" for name in MNIST), *BATCHES, ARCHIVE, *SVHN_FILES}
    assert set(files.MD5) == expected
    assert len({*files.MD5.values()}) == len(expected) and all(len(value) == 32 for value in files.MD5.values())


# Missing files


@pytest.mark.parametrize("name", FILES)
def test_a_missing_folder_names_the_files_and_their_publisher(tmp_path, name):
    publisher = {"mnist": "LeCun", "cifar10": "Krizhevsky", "svhn": "Netzer"}[name]
    refused(name, tmp_path / "none", "directory", str(tmp_path / "none"), "no such folder", *FILES[name], publisher)
    write(tmp_path, {"file": b""})
    words = ("cannot be read", "a whole .tar.gz archive") if name == "cifar10" else ("no such folder", *FILES[name])
    refused(name, tmp_path / "file", str(tmp_path / "file"), *words)
    with pytest.raises(ConfigError, match=f"directory = None .*{publisher}"):
        load(name)


@pytest.mark.parametrize("name,file", [(name, file) for name in FILES for file in FILES[name]])
def test_a_missing_file_is_named(tmp_path, name, file):
    write(tmp_path, {k: v for k, v in FILES[name].items() if k != file})
    message = refused(name, tmp_path, f"{tmp_path} lacks {file}, expected ", *FILES[name], "published by")
    assert (ARCHIVE in message) == (name == "cifar10")


def test_an_unknown_set_and_a_bad_seed_are_refused():
    with pytest.raises(ConfigError, match="name = 'imagenet' .*digits, mnist, cifar10, svhn"):
        load("imagenet")  # type: ignore[arg-type]
    for seed in (-1, 2**32, 0.5):
        with pytest.raises(ConfigError, match=f"seed = {seed} "):
            load("digits", seed=seed)  # type: ignore[arg-type]


# Broken files: (set, file, its content, words of the message)

IMAGES, LABELS = MNIST[0], MNIST[1]
pixel, label = TRAIN.pixel[..., 0], TRAIN.label
packed = gzip.compress(MNIST_FILES[IMAGES])
house = mat(HOUSES)


def pickled(**change: Any) -> bytes:
    content = {"data": np.zeros((4, 3072), np.uint8), "labels": [1, 2, 3, 4]} | change
    return pickle.dumps({key: value for key, value in content.items() if value is not None}, 4)


def house_labels(values: Any) -> bytes:
    return mat(HOUSES, y=np.asarray(values)[:, None])


BROKEN: dict[str, tuple[str, str, bytes, tuple[str, ...]]] = {
    "idx truncated": ("mnist", IMAGES, idx(pixel)[:-1], ("truncated: it holds 3935 bytes", "3936 by its header")),
    "idx trailing": ("mnist", IMAGES, idx(pixel) + b"\0", ("trailing bytes: it holds 3937", "3936 by its header")),
    "idx labels trailing": ("mnist", LABELS, idx(label) + b"\0\0\0\0", ("trailing bytes: it holds 17", "13 by its")),
    "idx no header": ("mnist", IMAGES, idx(pixel)[:15], ("ends after 15 bytes", "header of 16")),
    "idx nothing": ("mnist", LABELS, b"", ("ends after 0 bytes", "header of 8")),
    "idx labels as images": ("mnist", IMAGES, idx(np.zeros(99)), ("starts with 0x00000801", "0x00000803")),
    "idx magic": ("mnist", IMAGES, b"\x01" + idx(pixel)[1:], ("starts with 0x01000803", "0x00000803")),
    "idx type": ("mnist", IMAGES, b"\0\0\x0d" + idx(pixel)[3:], ("starts with 0x00000d03", "0x00000803", "bytes")),
    "idx shape": ("mnist", IMAGES, idx(pixel.reshape(5, 14, 56)), ("shape (14, 56)", "(28, 28)")),
    "idx empty": ("mnist", IMAGES, idx(pixel[:0]), ("holds no images", "at least one")),
    "idx fewer labels": ("mnist", LABELS, idx(label[:4]), ("holds 4 labels", "5, as many as")),
    "idx label range": ("mnist", LABELS, idx(np.array([0, 1, 2, 3, 10])), ("labels from 0 to 10", "0 to 9")),
    "gz truncated": ("mnist", f"{IMAGES}.gz", packed[:-20], ("cannot be read", "a whole gzip file")),
    "gz corrupt": (
        "mnist",
        f"{IMAGES}.gz",
        packed[:100] + b"\xff" * 50 + packed[150:],
        ("cannot be read", "gzip file"),
    ),
    "gz checksum": ("mnist", f"{IMAGES}.gz", packed[:-8] + b"\0\0\0\0" + packed[-4:], ("cannot be read", "CRC")),
    "gz not": ("mnist", f"{IMAGES}.gz", b"<html>", ("ends after 6 bytes", "header of 16")),
    "pickle truncated": ("cifar10", BATCHES[2], CIFAR_FILES[BATCHES[2]][:-9], ("cannot be read", "pickled CIFAR-10")),
    "pickle not": ("cifar10", BATCHES[2], b"not a pickle", ("cannot be read", "pickled CIFAR-10")),
    "pickle nothing": ("cifar10", BATCHES[2], b"", ("cannot be read", "pickled CIFAR-10")),
    "pickle list": ("cifar10", BATCHES[2], pickle.dumps([1]), ("holds a list", "a dictionary")),
    "pickle no data": ("cifar10", BATCHES[2], pickled(data=None), ("no key 'data'", "'data' and 'labels'")),
    "pickle no labels": ("cifar10", "test_batch", pickled(labels=None), ("no key 'labels'", "'data' and 'labels'")),
    "pickle data list": ("cifar10", BATCHES[2], pickled(data=[0]), ("has a list as data", "an array")),
    "pickle type": ("cifar10", BATCHES[2], pickled(data=np.zeros((4, 3072))), ("type 'f8'", "uint8")),
    "pickle shape": ("cifar10", BATCHES[2], pickled(data=np.zeros((4, 9), np.uint8)), ("(4, 9)", "(n, 3072)")),
    "pickle rank": ("cifar10", BATCHES[2], pickled(data=np.zeros(3072, np.uint8)), ("(3072,)", "(n, 3072)")),
    "pickle empty": ("cifar10", BATCHES[2], pickled(data=np.zeros((0, 3072), np.uint8), labels=[]), ("no images",)),
    "pickle fewer labels": ("cifar10", BATCHES[2], pickled(labels=[1]), ("holds 1 labels", "4, as many as")),
    "pickle label range": ("cifar10", BATCHES[2], pickled(labels=[-1, 0, 1, 2]), ("labels from -1 to 2", "0 to 9")),
    "pickle label type": ("cifar10", BATCHES[2], pickled(labels=[0.5, 1, 2, 3]), ("type float64", "whole numbers")),
    "pickle huge label": ("cifar10", BATCHES[2], pickled(labels=[10**30, 1, 2, 3]), ("type object", "whole numbers")),
    "pickle label ragged": ("cifar10", BATCHES[2], pickled(labels=[[1], [2, 3], 4, 5]), ("cannot be read", "labels")),
    "pickle label rank": ("cifar10", BATCHES[2], pickled(labels=[[1]] * 4), ("shape (4, 1)", "a list")),
    "mat truncated": ("svhn", "train_32x32.mat", house[:-500], ("cannot be read", "MATLAB")),
    "mat corrupt": ("svhn", "train_32x32.mat", house[:128] + b"\xff" * 64 + house[192:], ("cannot be read", "MATLAB")),
    "mat not": ("svhn", "train_32x32.mat", b"<html>not found</html>", ("cannot be read", "MATLAB")),
    "mat nothing": ("svhn", "test_32x32.mat", b"", ("cannot be read", "MATLAB")),
    "mat key": ("svhn", "train_32x32.mat", house.replace(b"\1\0\1\0X", b"\1\0\1\0Z"), ("no array 'X'", "'X' and 'y'")),
    "mat type": ("svhn", "train_32x32.mat", mat(HOUSES, X=np.zeros((32, 32, 3, 12))), ("type float64", "uint8")),
    "mat shape": ("svhn", "train_32x32.mat", mat(HOUSES, X=HOUSES.pixel), ("(12, 32, 32, 3)", "(32, 32, 3, n)")),
    "mat label rank": ("svhn", "train_32x32.mat", mat(HOUSES, y=np.ones((6, 2), np.uint8)), ("(6, 2)", "(n, 1)")),
    "mat empty": (
        "svhn",
        "train_32x32.mat",
        mat(HOUSES, X=np.zeros((32, 32, 3, 0), np.uint8), y=np.zeros((0, 1), np.uint8)),
        ("holds no images", "at least one"),
    ),
    "mat fewer labels": ("svhn", "train_32x32.mat", house_labels([1] * 11), ("holds 11 labels", "12, as many as")),
    "mat label zero": ("svhn", "train_32x32.mat", house_labels([0] + [1] * 11), ("labels from 0 to 1", "1 to 10")),
    "mat label range": ("svhn", "train_32x32.mat", house_labels([11] + [1] * 11), ("labels from 1 to 11", "1 to 10")),
    "mat label type": ("svhn", "train_32x32.mat", house_labels([1.5] * 12), ("type float64", "whole numbers")),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_refused_by_name(tmp_path, case):
    name, file, data, words = BROKEN[case]
    write(tmp_path, {k: v for k, v in FILES[name].items() if k != file.removesuffix(".gz")} | {file: data})
    refused(name, tmp_path, f"{tmp_path / file} ", ", expected ", *words)


@pytest.mark.parametrize(
    "data,words",
    [
        (WHOLE[: len(WHOLE) // 2], ("cannot be read", "a whole .tar.gz")),
        (WHOLE[:-8] + b"\0\0\0\0" + WHOLE[-4:], ("cannot be read", "CRC")),
        (b"not an archive", ("cannot be read", "a whole .tar.gz")),
        (gzip.compress(b"no tar file"), ("cannot be read", "a whole .tar.gz")),
        (tar(dict(list(MEMBERS.items())[:5])), ("lacks test_batch", "the batches data_batch_1")),
        (tar(MEMBERS | {"cifar-10-batches-py/test_batch": b"x"}), (f"{ARCHIVE}/test_batch cannot be read",)),
    ],
    ids=["truncated", "checksum", "no gzip", "no tar", "lacks a batch", "broken batch"],
)
def test_a_broken_archive_is_refused(tmp_path, data, words):
    write(tmp_path, {ARCHIVE: data})
    refused("cifar10", tmp_path, str(tmp_path / ARCHIVE), *words)


# Digits


@needs_sklearn
@pytest.mark.parametrize("seed", [0, 1])
def test_digits_are_split_into_disjoint_parts_of_all(seed):
    from sklearn.datasets import load_digits

    images = load("digits", seed=seed)
    assert images.train_x.shape == (1297, 8, 8, 1) and images.test_x.shape == (500, 8, 8, 1)
    assert (images.name, images.classes) == ("digits", 10)
    for x, y in ((images.train_x, images.train_y), (images.test_x, images.test_y)):
        assert x.dtype == np.float32 and y.dtype == np.int32
        assert x.min() == 0.0 and x.max() == 1.0
    # Every (image, label) of the original as often as there: nothing twice, nothing lost.
    original, target = map(np.asarray, load_digits(return_X_y=True))
    expected = Counter((tuple(row), int(y)) for row, y in zip(original, target, strict=True))
    x, y = np.concatenate([images.train_x, images.test_x]), np.concatenate([images.train_y, images.test_y])
    found = Counter((tuple(np.ravel(16.0 * row)), int(value)) for row, value in zip(x, y, strict=True))
    assert found == expected and sum(found.values()) == 1797


@needs_sklearn
def test_digits_are_stratified():
    images = load("digits")
    train, test = np.bincount(images.train_y, minlength=10), np.bincount(images.test_y, minlength=10)
    np.testing.assert_allclose(test, 500 * (train + test) / 1797, atol=1.0)


@needs_sklearn
def test_the_seed_alone_decides_the_split_of_digits():
    before = np.random.get_state(legacy=False)["state"]["key"].copy()
    first, again, other = load("digits", seed=3), load("digits", seed=3), load("digits", seed=4)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first.test_x, other.test_x)
    np.testing.assert_array_equal(before, np.random.get_state(legacy=False)["state"]["key"])  # no global state


def test_digits_without_scikit_learn_name_the_extra(monkeypatch):
    for module in [name for name in sys.modules if name.split(".")[0] == "sklearn"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ConfigError, match=r"scikit-learn.*extra images.*purifyjax\[images\]"):
        load("digits")

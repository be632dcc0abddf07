"""Readers of the published files: IDX (MNIST), pickled batches (CIFAR-10), MATLAB (SVHN).

Every reader raises `ConfigError` with the file, what is wrong and what is expected.
"""

from __future__ import annotations

import gzip
import math
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

import numpy as np
from jaxtyping import Int32, UInt8
from scipy.io import loadmat

from purifyjax.data.images.files import (
    checksum,
    expect,
    find,
    first_whole,
    official,
    published_name,
    refuse_errors,
    require_all,
)
from purifyjax.data.images.matlab import require_sound
from purifyjax.data.images.pickles import plain_objects

_GZIP = b"\x1f\x8b"  # its first bytes
CLASSES = 10  # of every set here
_MNIST = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
_MNIST_FOLDER = "MNIST/raw"
_CIFAR = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")
_CIFAR_FOLDER, _CIFAR_ARCHIVE = "cifar-10-batches-py", "cifar-10-python.tar.gz"
_ARCHIVES = tuple(_CIFAR_ARCHIVE.removesuffix(".tar.gz") + suffix for suffix in (".tar.gz", ".tgz", ".tar"))
_SVHN = ("train_32x32.mat", "test_32x32.mat")

# What each set's folder must hold, for the messages.
SOURCES = {
    "mnist": f"{', '.join(_MNIST)}, plain or as .gz, there or in {_MNIST_FOLDER}, as published by LeCun, Cortes and "
    "Burges (The MNIST Database of Handwritten Digits)",
    "cifar10": f"{', '.join(_CIFAR)}, there or in {_CIFAR_FOLDER}, or all of them in {_CIFAR_ARCHIVE}, as published by "
    "Krizhevsky (University of Toronto, The CIFAR-10 Dataset, python version)",
    "svhn": f"{', '.join(_SVHN)}, as published by Netzer et al. (Stanford University, The Street View House Numbers "
    "Dataset, format 2: cropped digits)",
}


class Part(NamedTuple):
    """The train or the test set, before scaling."""

    pixel: UInt8[np.ndarray, "n height width channel"]
    label: Int32[np.ndarray, " n"]


class Found(NamedTuple):
    """Both parts, and what there is to say on the files that they come from.

    Attributes:
      unofficial: those that are not what was published.
      remarks: sentences on broken files in whose place others were read.
    """

    train: Part
    test: Part
    unofficial: list[Path]
    remarks: list[str] = []


def read_mnist(directory: Path) -> Found:
    """The four IDX files, plain or compressed, whatever their names say; whole ones before broken ones."""
    found = find({name: _mnist_forms(name) for name in _MNIST}, directory, _MNIST_FOLDER)
    require_all(found, _MNIST, directory, SOURCES["mnist"])
    read = {name: first_whole({file: partial(_idx, file, _rank(name)) for file in found[name]}) for name in _MNIST}
    remarks = [remark for _, remarks in read.values() for remark in remarks]
    train_x, train_y, test_x, test_y = (found_file for found_file, _ in read.values())
    train = _part(train_x.path, train_x.entries[..., None], train_y.entries, labels_path=train_y.path)
    test = _part(test_x.path, test_x.entries[..., None], test_y.entries, labels_path=test_y.path)
    return Found(train, test, [file.path for file, _ in read.values() if not file.official], remarks)


def _mnist_forms(name: str) -> tuple[str, ...]:
    """What the file may be called; some distribute it with a dot."""
    dotted = name.replace("-idx", ".idx")
    return name, dotted, f"{name}.gz", f"{dotted}.gz"


def _rank(name: str) -> int:
    return 3 if "idx3" in name else 1


class _Idx(NamedTuple):
    """An IDX file's entries, and whether its content is the published one."""

    path: Path
    entries: UInt8[np.ndarray, "..."]
    official: bool


def _idx(path: Path, rank: int) -> _Idx:
    """IDX: two zero bytes, type code 8 (unsigned byte), rank, one big-endian uint32 a dimension, the entries."""
    data = _content(path)
    magic, header = bytes([0, 0, 8, rank]), 4 + 4 * rank
    expect(len(data) >= header, path, f"ends after {len(data)} bytes", f"an IDX header of {header}")
    expect(data[:4] == magic, path, f"starts with 0x{data[:4].hex()}", f"0x{magic.hex()} ({rank}-dimensional bytes)")
    shape = tuple(int(size) for size in np.frombuffer(data, ">u4", rank, offset=4))
    expect(shape[1:] in ((), (28, 28)), path, f"has images of shape {shape[1:]}", "(28, 28)")
    size = header + math.prod(shape)
    state = "is truncated" if len(data) < size else "has trailing bytes"
    expect(len(data) == size, path, f"{state}: it holds {len(data)} bytes", f"{size} by its header")
    entries = np.frombuffer(data, np.uint8, offset=header).reshape(shape)
    return _Idx(path, entries, official(published_name(path.name), data))


def read_cifar10(directory: Path) -> Found:
    """The six python batches, or an archive of them where some are missing or broken; or that archive itself."""
    if directory.is_file():
        return _cifar(_unpack(directory), directory)
    forms = {name: (name,) for name in _CIFAR} | {_CIFAR_ARCHIVE: _ARCHIVES}
    found = find(forms, directory, _CIFAR_FOLDER)
    readers: dict[Path, Callable[[], Found]] = {}
    if all(name in found for name in _CIFAR):
        files = {name: found[name][0] for name in _CIFAR}
        readers[files[_CIFAR[0]].parent] = lambda: _cifar({file: _content(file) for file in files.values()})
    for archive in found.get(_CIFAR_ARCHIVE, []):
        readers[archive] = lambda archive=archive: _cifar(_unpack(archive), archive)
    if not readers:
        require_all(found, _CIFAR, directory, SOURCES["cifar10"])
    both, remarks = first_whole(readers)
    return both._replace(remarks=remarks)


def _cifar(batches: dict[Path, bytes], archive: Path | None = None) -> Found:
    """Both parts of the batches, in their order."""
    *train, test = (_cifar_batch(path, data) for path, data in batches.items())
    contents = zip(_CIFAR, batches.items(), strict=True)
    unofficial = [archive or path for name, (path, data) in contents if not official(name, data)]
    return Found(Part(*map(np.concatenate, zip(*train, strict=True))), test, list(dict.fromkeys(unofficial)))


def _unpack(archive: Path) -> dict[Path, bytes]:
    """The six batches under the names archive/batch, read without writing anything to disk."""
    batches: dict[str, bytes] = {}
    with refuse_errors(archive, "a whole .tar.gz archive"):
        with _opened(archive) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
            for member in tar:
                name, file = PurePosixPath(member.name).name, tar.extractfile(member)
                if name in _CIFAR and file is not None:
                    batches[name] = file.read()
            while stream.read(1 << 20):  # to the end, where gzip's own checksum is compared
                pass
    missing = [name for name in _CIFAR if name not in batches]
    expect(not missing, archive, f"lacks {', '.join(missing)}", f"the batches {', '.join(_CIFAR)}")
    return {archive / name: batches[name] for name in _CIFAR}


def _opened(archive: Path) -> IO[bytes]:
    """The archive's content as a stream."""
    with open(archive, "rb") as file:
        compressed = file.read(len(_GZIP)) == _GZIP
    return gzip.open(archive) if compressed else open(archive, "rb")  # pyright: ignore[reportReturnType]


def _cifar_batch(path: Path, data: bytes) -> Part:
    """A pickled dictionary: data, uint8 [n, 3072] in the order channel, row, column, and the list labels."""
    with refuse_errors(path, "a pickled CIFAR-10 batch"):
        content = plain_objects(data)
    expect(isinstance(content, dict), path, f"holds a {type(content).__name__}", "a dictionary")
    # Python 2, which wrote the official files, has bytes for keys.
    entries = {key.decode(errors="replace") if isinstance(key, bytes) else key: content[key] for key in content}
    for key in ("data", "labels"):
        expect(key in entries, path, f"has no key {key!r}", "the keys 'data' and 'labels'")
    pixel, label = entries["data"], entries["labels"]
    expect(isinstance(pixel, np.ndarray), path, f"has a {type(pixel).__name__} as data", "an array")
    expect(
        pixel.ndim == 2 and pixel.shape[1] == 3072 and pixel.dtype == np.uint8,
        path,
        f"has data of shape {pixel.shape} and type {pixel.dtype}",
        "(n, 3072) and uint8",
    )
    return _part(path, pixel.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), label)


def read_svhn(directory: Path) -> Found:
    """The two MATLAB files of cropped digits."""
    found = find({name: (name,) for name in _SVHN}, directory)
    require_all(found, _SVHN, directory, SOURCES["svhn"])
    files = [found[name][0] for name in _SVHN]
    train, test = map(_mat, files)
    return Found(train, test, [file for file in files if checksum(file) is False])


def _mat(path: Path) -> Part:
    """MATLAB: X, uint8 [32, 32, 3, n], and y [n, 1] from 1 to 10, where 10 is the digit 0."""
    with refuse_errors(path, "a MATLAB file of version 4 to 7.2"):
        require_sound(path)
        content = loadmat(path, variable_names=["X", "y"], appendmat=False)
    for key in ("X", "y"):
        expect(isinstance(content.get(key), np.ndarray), path, f"has no array {key!r}", "the arrays 'X' and 'y'")
    pixel, label = content["X"], content["y"]
    expect(
        pixel.ndim == 4 and pixel.shape[:3] == (32, 32, 3) and pixel.dtype == np.uint8,
        path,
        f"has X of shape {pixel.shape} and type {pixel.dtype}",
        "(32, 32, 3, n) and uint8",
    )
    expect(label.ndim == 2 and 1 in label.shape, path, f"has y of shape {label.shape}", "(n, 1)")
    part = _part(path, pixel.transpose(3, 0, 1, 2), label.reshape(-1), first=1)
    return part._replace(label=part.label % 10)


def _content(path: Path) -> bytes:
    """What the file holds, uncompressed; its first bytes tell whether it is compressed, as names may be wrong."""
    with refuse_errors(path, "a readable file"):
        data = path.read_bytes()
    if not data.startswith(_GZIP):
        return data
    with refuse_errors(path, "a whole gzip file"):
        return gzip.decompress(data)


def _part(images: Path, pixel: np.ndarray, labels: Any, *, labels_path: Path | None = None, first: int = 0) -> Part:
    """Check labels, first, …, first + classes − 1, against their images."""
    path = images if labels_path is None else labels_path
    expect(len(pixel) > 0, images, "holds no images", "at least one")
    with refuse_errors(path, "a list of labels"):
        label = np.asarray(labels)
    expect(label.ndim == 1, path, f"has labels of shape {label.shape}", "a list")
    expect(
        len(label) == len(pixel), path, f"holds {len(label)} labels", f"{len(pixel)}, as many as {images} has images"
    )
    expect(label.dtype.kind in "iu", path, f"has labels of type {label.dtype}", "whole numbers")
    low, high, last = int(label.min()), int(label.max()), first + CLASSES - 1
    expect(first <= low and high <= last, path, f"has labels from {low} to {high}", f"{first} to {last}")
    return Part(pixel, label.astype(np.int32))

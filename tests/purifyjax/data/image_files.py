"""Tiny image data sets in the published formats."""

from __future__ import annotations

import io
import pickle
import struct
import tarfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.io import savemat

MNIST = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
BATCHES = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")
ARCHIVE = "cifar-10-python.tar.gz"


class Pair(NamedTuple):
    pixel: np.ndarray  # [n, height, width, channel]
    label: np.ndarray


def draw(seed: int, n: int, shape: tuple[int, int, int]) -> Pair:
    rng = np.random.default_rng(seed)
    return Pair(rng.integers(0, 256, (n, *shape), dtype=np.uint8), rng.integers(0, 10, n))


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def batch(pair: Pair, protocol: int = 2) -> bytes:
    flat = np.ascontiguousarray(pair.pixel.transpose(0, 3, 1, 2)).reshape(len(pair.pixel), -1)
    return pickle.dumps({b"batch_label": b"tiny", b"labels": pair.label.tolist(), b"data": flat}, protocol)


def python2_batch(pair: Pair) -> bytes:
    """Opcode by opcode as the official files: Python 2's byte strings, numpy's old names, align and copy as 0 and 1."""

    def text(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value

    raw = pair.pixel.transpose(0, 3, 1, 2).tobytes()
    labels = b"](" + b"".join(b"K" + bytes([int(v)]) for v in pair.label) + b"e"
    start = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\0\x85" + text(b"b") + b"tR"
    dtype = (
        b"cnumpy\ndtype\n(" + text(b"u1") + b"K\0K\1tR(K\3" + text(b"|") + b"NNN" + 2 * b"J\xff\xff\xff\xff" + b"K\0tb"
    )
    shape = b"K" + bytes([len(pair.pixel)]) + b"M\0\x0c\x86"  # 3072
    array = start + b"(K\1" + shape + dtype + b"\x89" + b"T" + struct.pack("<i", len(raw)) + raw + b"tb"
    return b"\x80\2}(" + text(b"batch_label") + text(b"tiny") + text(b"labels") + labels + text(b"data") + array + b"u."


def mat(pair: Pair, **change: Any) -> bytes:
    y = np.where(pair.label == 0, 10, pair.label).astype(np.uint8)[:, None]
    file = io.BytesIO()
    savemat(file, {"X": pair.pixel.transpose(1, 2, 3, 0), "y": y} | change)
    return file.getvalue()


def tar(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def write(folder: Path, contents: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return folder


TRAIN, TEST = draw(0, 5, (28, 28, 1)), draw(1, 3, (28, 28, 1))
PARTS = [draw(seed, 2 + seed, (32, 32, 3)) for seed in range(6)]
HOUSES, HOUSES_TEST = draw(7, 12, (32, 32, 3)), draw(8, 4, (32, 32, 3))
HOUSES.label[:3] = 0, 9, 1

MNIST_FILES: dict[str, bytes] = dict(
    zip(MNIST, map(idx, (TRAIN.pixel[..., 0], TRAIN.label, TEST.pixel[..., 0], TEST.label)), strict=True)
)
CIFAR_FILES = {name: batch(part) for name, part in zip(BATCHES, PARTS, strict=True)}
SVHN_FILES = {"train_32x32.mat": mat(HOUSES), "test_32x32.mat": mat(HOUSES_TEST)}
FILES = {"mnist": MNIST_FILES, "cifar10": CIFAR_FILES, "svhn": SVHN_FILES}


def joined(parts: list[Pair]) -> Pair:
    return Pair(*map(np.concatenate, zip(*parts, strict=True)))


MEMBERS = {f"cifar-10-batches-py/{name}": data for name, data in CIFAR_FILES.items()}
WHOLE = tar(MEMBERS)

"""The files of image data sets: where they lie, whether they are the official ones, how they are refused."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten

from purifyjax.errors import ConfigError

# MD5 as published, and as torchvision's and other loaders check it. It tells a wrong file from the right one; it
# is no defence against a forged one.
MD5 = {
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    "cifar-10-python.tar.gz": "c58f30108f718f92721af3b95e74349a",
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
    "train_32x32.mat": "e26dedcc434d2e4c54c9b2d4a06d8373",
    "test_32x32.mat": "eb5a983be6a315427106f1b164d9cef3",
}


def checksum(path: str | os.PathLike[str]) -> bool | None:
    """Whether a file's MD5 is the one published for its name; None for a name without a published one.

    Raises:
      OSError: there is no such file.
    """
    published = MD5.get(Path(path).name)
    if published is None:
        return None
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == published


def find(names: tuple[str, ...], directory: Path, folder: str = "", suffixes: tuple[str, ...] = ("",)) -> list[Path]:
    """For each name, the first file that lies in the directory or in its usual sub-folder; nothing where none does."""
    found = []
    for name in names:
        candidates = [place / f"{name}{suffix}" for place in (directory, directory / folder) for suffix in suffixes]
        found += [file for file in candidates if file.is_file()][:1]
    return found


def require_all(found: list[Path], names: tuple[str, ...], directory: Path, expected: str) -> None:
    """Raise `ConfigError` with the names of which `find` found no file."""
    stems = {file.name.removesuffix(".gz") for file in found}
    missing = [name for name in names if name not in stems]
    expect(not missing, directory, f"lacks {', '.join(missing)}", expected)


def expect(condition: bool, path: Path, wrong: str, expected: str) -> None:
    """Raise `ConfigError` "file wrong, expected …" unless `condition` holds."""
    if not condition:
        raise ConfigError(f"{path} {wrong}, expected {expected}")


@contextmanager
def refuse_errors(path: Path, expected: str) -> Iterator[None]:
    """Turn whatever a library raises on a broken file (almost anything does occur) into a `ConfigError`."""
    try:
        yield
    except Exception as error:
        reason = shorten(str(error), 200) or type(error).__name__
        raise ConfigError(f"{path} cannot be read ({reason}), expected {expected}") from error

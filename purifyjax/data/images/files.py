"""The files of image data sets: where they lie, whether they are the official ones, how they are refused."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from textwrap import shorten
from typing import Any, TypeVar

from purifyjax.errors import ConfigError

T = TypeVar("T")

_SHOWN = 8  # names of files in a message

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
    """Whether a file's MD5 is one that is published for its name; None for a name without a published one.

    Case does not matter, nor `.idx` for `-idx`, nor whether a name ends in `.gz`: the file may be either.

    Raises:
      OSError: there is no such file.
    """
    name = published_name(Path(path).name)
    published = {MD5[form] for form in (name, f"{name}.gz", Path(path).name.lower()) if form in MD5}
    if not published:
        return None
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() in published


def official(name: str, content: bytes) -> bool:
    """Whether this is the content of the published file of this name, however it was compressed or packed."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest() == MD5[name]


def published_name(name: str) -> str:
    """The published name, without `.gz`, of a file that may be called otherwise."""
    return name.lower().removesuffix(".gz").replace(".idx", "-idx")


def listing(folder: Path) -> list[Path]:
    """What lies in a folder, by name.

    Raises:
      ConfigError: it cannot be read.
    """
    with refuse_errors(folder, "a readable folder"):
        return sorted(folder.iterdir())


def find(names: Mapping[str, Sequence[str]], directory: Path, folder: str = "") -> dict[str, list[Path]]:
    """The files of each name: those of the directory and its usual sub-folder, or else of one folder within it.

    Args:
      names: what a file of each name may be called, whatever the case, best first.
      folder: the usual sub-folder.

    Returns:
      By name, best first; names without a file are left out.

    Raises:
      ConfigError: the directory cannot be read, or several folders within it hold such files.
    """
    found = _among(names, _contents(listing(directory), folder))
    if found:
        return found
    inner: dict[Path, dict[str, list[Path]]] = {}
    for place in listing(directory):
        if place.is_dir() and os.access(place, os.R_OK | os.X_OK):
            inner[place] = _among(names, _contents(listing(place), folder))
    holding = [place for place, files in inner.items() if files]
    places = " and in ".join(str(place) for place in holding)
    expect(len(holding) <= 1, directory, f"has such files in {places}", "one of these folders to be named")
    return inner[holding[0]] if holding else {}


def _contents(entries: list[Path], folder: str) -> list[Path]:
    """The entries, and those of the sub-folder among them if it is there."""
    inner = entries
    for part in PurePosixPath(folder).parts:
        inner = [
            file for place in inner if place.name.lower() == part.lower() and place.is_dir() for file in listing(place)
        ]
    return entries + (inner if folder else [])


def _among(names: Mapping[str, Sequence[str]], entries: list[Path]) -> dict[str, list[Path]]:
    found = {
        name: [entry for form in forms for entry in entries if entry.name.lower() == form.lower() and entry.is_file()]
        for name, forms in names.items()
    }
    return {name: files for name, files in found.items() if files}


def require_all(found: Mapping[str, Any], names: Sequence[str], directory: Path, expected: str) -> None:
    """Raise `ConfigError` with the names of which `find` found no file, and with what lies there instead."""
    missing = [name for name in names if name not in found]
    there = [entry.name for entry in listing(directory)]
    shown = ", ".join(there[:_SHOWN]) + (f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else "")
    expect(not missing, directory, f"lacks {', '.join(missing)}", f"{expected}; it holds {shown or 'nothing'}")


def first_whole(readers: Mapping[Path, Callable[[], T]]) -> tuple[T, list[str]]:
    """What the first reader that raises no `ConfigError` finds, and a sentence on each before it.

    Args:
      readers: by the file that they read, at least one.

    Raises:
      ConfigError: every one raised it; the first's.
    """
    broken: list[ConfigError] = []
    for path, read in readers.items():
        try:
            return read(), [f"{error}; {path} is read instead" for error in broken]
        except ConfigError as error:
            broken.append(error)
    raise broken[0]


def expect(condition: bool, path: Path, wrong: str, expected: str) -> None:
    """Raise `ConfigError` "file wrong, expected …" unless `condition` holds."""
    if not condition:
        raise ConfigError(f"{path} {wrong}, expected {expected}")


@contextmanager
def refuse_errors(path: Path, expected: str) -> Iterator[None]:
    """Turn whatever a library raises on a broken file (almost anything does occur) into a `ConfigError`."""
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:
        reason = shorten(str(error), 200) or type(error).__name__
        raise ConfigError(f"{path} cannot be read ({reason}), expected {expected}") from error

"""Image data sets as arrays, from the files that their authors publish:

    x = pixel / 255 ∈ [0, 1]   (digits: pixel / 16),   y ∈ {0, …, classes − 1},

in the order of the files (digits: of a random split).
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Float32, Int32, UInt8

from purifyjax.data.images.formats import CLASSES, SOURCES, read_cifar10, read_mnist, read_svhn
from purifyjax.errors import ConfigError, require

Name = Literal["digits", "mnist", "cifar10", "svhn"]
_READERS = {"mnist": read_mnist, "cifar10": read_cifar10, "svhn": read_svhn}
_DIGITS_TEST = 500


class Images(NamedTuple):
    """A data set on the host (numpy, so that the caller decides what goes to a device).

    Attributes:
      train_x, test_x: images in [0, 1].
      train_y, test_y: labels 0, …, classes − 1.
      classes: the number of classes.
      name: what `load` was asked for.
    """

    train_x: Float32[np.ndarray, "n height width channel"]
    train_y: Int32[np.ndarray, " n"]
    test_x: Float32[np.ndarray, "m height width channel"]
    test_y: Int32[np.ndarray, " m"]
    classes: int
    name: str


def load(name: Name, directory: str | os.PathLike[str] | None = None, *, seed: int = 0) -> Images:
    """Read a data set into memory.

    | name    | images      | train / test    | files in `directory`                                 |
    |---------|-------------|-----------------|------------------------------------------------------|
    | digits  | 8 × 8 × 1   | 1297 / 500      | none: it comes with scikit-learn (extra `images`)    |
    | mnist   | 28 × 28 × 1 | 60 000 / 10 000 | the four IDX files, plain or .gz, also in MNIST/raw  |
    | cifar10 | 32 × 32 × 3 | 50 000 / 10 000 | the six python batches, also in cifar-10-batches-py, |
    |         |             |                 | or cifar-10-python.tar.gz                            |
    | svhn    | 32 × 32 × 3 | 73 257 / 26 032 | train_32x32.mat and test_32x32.mat                   |

    Names may be in any case, IDX files may be called `.idx…` for `-idx…`, and their content tells whether they are
    compressed. A broken file is passed over if it is also there in another form.

    Args:
      directory: where the files lie, or the one folder within which they do; of cifar10 also the archive itself,
        whatever its name; not used for digits.
      seed: splits digits, which have no official test set, into train and test of equal class shares; else not used.

    Raises:
      ConfigError: no such set, a missing file, or one that is not well-formed.

    Warns:
      UserWarning: a well-formed file is not the official one, by its MD5, or one was passed over.

    Source: LeCun, Cortes, Burges (MNIST); Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009
    (CIFAR-10); Netzer et al., *Reading Digits in Natural Images*, 2011 (SVHN, cropped digits); Alpaydin, Kaynak,
    *Optical Recognition of Handwritten Digits*, 1998 (digits: its test part of 1797).
    """
    require(isinstance(name, str) and name in get_args(Name), "name", name, f"one of {', '.join(get_args(Name))}")
    if name == "digits":
        return _digits(seed)
    needed = f"{name} needs a folder with {SOURCES[name]}"
    require(directory is not None, "directory", directory, needed)
    require(isinstance(directory, str | os.PathLike), "directory", directory, needed)
    train, test, unofficial, remarks = _READERS[name](_folder(name, directory, needed))
    for remark in remarks:
        warnings.warn(remark, stacklevel=2)
    for file in unofficial:
        warnings.warn(f"{file} is not the official file: its MD5 is not the published one", stacklevel=2)
    return Images(_scale(train.pixel), train.label, _scale(test.pixel), test.label, CLASSES, name)


def _folder(name: str, directory: Any, needed: str) -> Path:
    """Where the files lie: a folder, or CIFAR-10's archive itself."""
    told = os.fspath(directory)
    try:
        folder = Path(told).expanduser()
        file, there, whole = folder.is_file(), folder.exists(), folder.is_dir()
    except OSError as error:
        refused = f"there is no such folder ({error.strerror})"
        raise ConfigError(f"directory = {told!r} is not allowed: {refused}, and {needed}") from error
    except (RuntimeError, TypeError, ValueError) as error:
        raise ConfigError(f"directory = {told!r} is not allowed: {error}, and {needed}") from error
    if name != "cifar10" or not file:
        missing = "it is a file, no such folder" if there else "there is no such folder"
        require(whole, "directory", str(folder), f"{missing}, and {needed}")
    return folder


def _digits(seed: int) -> Images:
    require(isinstance(seed, (int, np.integer)) and 0 <= seed < 2**32, "seed", seed, "a whole number 0 ≤ seed < 2^32")
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ImportError as error:
        raise ConfigError(
            "name = 'digits' needs scikit-learn, which comes with the extra images: pip install 'purifyjax[images]'"
        ) from error
    pixel, label = load_digits(return_X_y=True)
    x = (np.reshape(pixel, (-1, 8, 8, 1)) / 16.0).astype(np.float32)
    y = np.asarray(label, np.int32)
    rows = train_test_split(np.arange(len(y)), test_size=_DIGITS_TEST, stratify=y, random_state=seed)
    train, test = map(np.asarray, rows)
    return Images(x[train], y[train], x[test], y[test], CLASSES, "digits")


def _scale(pixel: UInt8[np.ndarray, "n height width channel"]) -> Float32[np.ndarray, "n height width channel"]:
    """pixel / 255, row-major whatever the order in the file, with no copy in between (SVHN takes 900 MB)."""
    return np.divide(pixel, np.float32(255), dtype=np.float32, order="C")

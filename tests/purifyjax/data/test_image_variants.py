"""Image data sets as people have them: renamed, compressed otherwise, moved, half broken."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from purifyjax.data.images import checksum, files, load
from purifyjax.errors import ConfigError
from tests.purifyjax.data.image_files import (
    ARCHIVE,
    BATCHES,
    CIFAR_FILES,
    FILES,
    MNIST,
    MNIST_FILES,
    PARTS,
    SVHN_FILES,
    TRAIN,
    WHOLE,
    joined,
    tar,
    write,
)

DOTTED = {name.replace("-idx", ".idx"): data for name, data in MNIST_FILES.items()}
FIRST = MNIST[0]
unofficial = pytest.mark.filterwarnings("ignore:.*not the official file")


@pytest.fixture
def published(monkeypatch):
    """Our tiny files are the published ones."""
    for name, data in (MNIST_FILES | CIFAR_FILES | SVHN_FILES).items():
        monkeypatch.setitem(files.MD5, name, hashlib.md5(data).hexdigest())


def plain_tar() -> bytes:
    return gzip.decompress(WHOLE)


VARIANTS: dict[str, tuple[str, dict[str, bytes]]] = {
    "dotted names": ("mnist", DOTTED),
    "dotted names, compressed": ("mnist", {f"{name}.gz": gzip.compress(data) for name, data in DOTTED.items()}),
    "compressed under plain names": ("mnist", {name: gzip.compress(data) for name, data in MNIST_FILES.items()}),
    "plain under compressed names": ("mnist", {f"{name}.gz": data for name, data in MNIST_FILES.items()}),
    "upper case": ("mnist", {name.upper(): data for name, data in MNIST_FILES.items()}),
    "upper case, compressed": ("mnist", {f"{name}.GZ".upper(): gzip.compress(d) for name, d in MNIST_FILES.items()}),
    "upper case batches": ("cifar10", {name.upper(): data for name, data in CIFAR_FILES.items()}),
    "compressed batches": ("cifar10", {name: gzip.compress(data) for name, data in CIFAR_FILES.items()}),
    "archive .tgz": ("cifar10", {"cifar-10-python.tgz": WHOLE}),
    "archive .tar": ("cifar10", {"cifar-10-python.tar": plain_tar()}),
    "archive .tar under the name of .tar.gz": ("cifar10", {ARCHIVE: plain_tar()}),
    "upper case houses": ("svhn", {name.upper(): data for name, data in SVHN_FILES.items()}),
}
FOLDERS = ["", "inner", "INNER/mnist/RAW", "raw", "inner/cifar-10-batches-py"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_other_names_and_compressions_are_read_as_the_official_files(tmp_path, published, variant):
    """Without a warning, since the content is the published one."""
    name, contents = VARIANTS[variant]
    expected = load(name, write(tmp_path / "usual", FILES[name]))  # type: ignore[arg-type]
    found = load(name, write(tmp_path / "other", contents))  # type: ignore[arg-type]
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("folder", FOLDERS)
def test_one_folder_within_is_looked_into(tmp_path, published, folder):
    name = "cifar10" if "cifar" in folder else "mnist"
    write(tmp_path / folder, FILES[name])
    write(tmp_path / "another", {"file": b""})
    assert load(name, tmp_path).name == name


def test_two_folders_within_are_not_chosen_from(tmp_path, published):
    for folder in ("one", "two"):
        write(tmp_path / folder, MNIST_FILES)
    with pytest.raises(
        ConfigError, match=f"{tmp_path} has such files in {tmp_path}/one and in {tmp_path}/two, expected"
    ):
        load("mnist", tmp_path)
    load("mnist", write(tmp_path, MNIST_FILES))  # those that lie there come first


@pytest.mark.parametrize("suffix", ["cifar-10-python.tar.gz", "c10.tgz", "C10.TAR", "anything"])
def test_the_archive_itself_may_be_named(tmp_path, published, suffix):
    file = tmp_path / suffix
    file.write_bytes(plain_tar() if suffix.endswith("TAR") else WHOLE)
    images = load("cifar10", file)
    np.testing.assert_array_equal(images.train_y, joined(PARTS[:5]).label)


def test_home_is_expanded(tmp_path, published, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "digits", MNIST_FILES)
    assert load("mnist", "~/digits").name == "mnist"
    with pytest.raises(ConfigError, match="directory = '~no-such-user-here/x' .*LeCun"):
        load("mnist", "~no-such-user-here/x")


# Broken beside whole


def cut_beside(folder: Path) -> tuple[Path, Path]:
    """A cut plain file and a whole compressed one."""
    write(folder, MNIST_FILES | {FIRST: MNIST_FILES[FIRST][:-9], f"{FIRST}.gz": gzip.compress(MNIST_FILES[FIRST])})
    return folder / FIRST, folder / f"{FIRST}.gz"


def test_the_whole_file_is_read_and_the_cut_one_named(tmp_path, published):
    cut, whole = cut_beside(tmp_path)
    with pytest.warns(UserWarning) as record:
        images = load("mnist", tmp_path)
    (message,) = [str(warning.message) for warning in record]
    assert message.startswith(f"{cut} is truncated") and message.endswith(f"; {whole} is read instead")
    assert record[0].filename == __file__
    np.testing.assert_allclose(images.train_x, TRAIN.pixel / 255.0, rtol=1e-7)


def test_two_cut_files_are_refused_by_the_first(tmp_path):
    cut, whole = cut_beside(tmp_path)
    whole.write_bytes(whole.read_bytes()[:-9])
    with pytest.raises(ConfigError, match=f"^{cut} is truncated"):
        load("mnist", tmp_path)


def test_a_whole_archive_takes_the_place_of_a_broken_batch(tmp_path, published):
    write(tmp_path, CIFAR_FILES | {BATCHES[1]: b"cut", ARCHIVE: WHOLE})
    with pytest.warns(
        UserWarning, match=f"{tmp_path / BATCHES[1]} cannot be read .* {tmp_path / ARCHIVE} is read instead"
    ):
        images = load("cifar10", tmp_path)
    np.testing.assert_array_equal(images.train_y, joined(PARTS[:5]).label)


# Not official


@pytest.mark.parametrize("variant", [key for key, (name, _) in VARIANTS.items() if name != "svhn"])
def test_variants_with_other_content_are_named(tmp_path, variant):
    name, contents = VARIANTS[variant]
    write(tmp_path, contents)
    with pytest.warns(UserWarning) as record:
        load(name, tmp_path)  # type: ignore[arg-type]
    named = [str(warning.message).split(" is not the official file")[0] for warning in record]
    assert sorted(named) == sorted(str(tmp_path / file) for file in contents)


def test_one_foreign_batch_makes_an_archive_unofficial(tmp_path, published):
    members = {f"x/{name}": data for name, data in (CIFAR_FILES | {BATCHES[3]: CIFAR_FILES[BATCHES[2]]}).items()}
    write(tmp_path, {ARCHIVE: tar(members)})
    with pytest.warns(UserWarning, match=f"{tmp_path / ARCHIVE} is not the official file"):
        load("cifar10", tmp_path)


def test_checksum_knows_the_other_names(tmp_path, published):
    packed = gzip.compress(MNIST_FILES[FIRST])
    files.MD5[f"{FIRST}.gz"], before = hashlib.md5(packed).hexdigest(), files.MD5[f"{FIRST}.gz"]
    try:
        for name in (FIRST, f"{FIRST}.gz", FIRST.upper(), FIRST.replace("-idx", ".idx")):
            for data, known in ((MNIST_FILES[FIRST], True), (packed, True), (b"other", False)):
                (tmp_path / name).write_bytes(data)
                assert checksum(tmp_path / name) is known
    finally:
        files.MD5[f"{FIRST}.gz"] = before


# Nothing usable


@pytest.mark.parametrize("name", FILES)
def test_a_folder_without_the_files_is_refused_with_what_it_holds(tmp_path, name):
    with pytest.raises(ConfigError, match="it holds nothing"):
        load(name, tmp_path)  # type: ignore[arg-type]
    write(tmp_path, {f"file{i}": b"" for i in range(12)})
    with pytest.raises(ConfigError, match="it holds file0, file1, .* and 4 more$") as error:
        load(name, tmp_path)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_a_folder_that_cannot_be_read_is_refused(tmp_path, monkeypatch):
    def forbidden(self):
        raise PermissionError(13, "Permission denied")

    write(tmp_path, MNIST_FILES)
    monkeypatch.setattr(Path, "iterdir", forbidden)
    with pytest.raises(
        ConfigError, match=f"{tmp_path} cannot be read .*Permission denied.*, expected a readable folder"
    ):
        load("mnist", tmp_path)


@pytest.mark.parametrize(
    "directory", [3, 1.5, b"bytes", ["list"], object(), "with\0zero", ""], ids=lambda value: type(value).__name__
)
@pytest.mark.parametrize("name", FILES)
def test_what_is_no_folder_is_refused(name, directory, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as error, warnings.catch_warnings():
        load(name, directory)
    assert "\n" not in str(error.value)


@unofficial
def test_an_archive_in_an_archive_is_no_archive(tmp_path):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo("inner.tar.gz")
        info.size = len(WHOLE)
        archive.addfile(info, io.BytesIO(WHOLE))
    (tmp_path / "outer.tar").write_bytes(file.getvalue())
    with pytest.raises(ConfigError, match="outer.tar lacks data_batch_1"):
        load("cifar10", tmp_path / "outer.tar")


def compressed(data: bytes) -> bytes:
    """The same arrays, as MATLAB itself writes them."""
    out = io.BytesIO()
    arrays = loadmat(io.BytesIO(data), variable_names=["X", "y"])
    savemat(out, {name: arrays[name] for name in ("X", "y")}, do_compression=True)
    return out.getvalue()


@unofficial
@pytest.mark.parametrize("form", [bytes, compressed])
def test_a_bit_flipped_in_a_matlab_header_is_a_sentence_and_never_the_end_of_the_process(form, tmp_path):
    """scipy's reader takes twelve of the flips in the first array's header for sizes of memory."""
    files = SVHN_FILES | {"train_32x32.mat": form(SVHN_FILES["train_32x32.mat"])}
    whole = load("svhn", write(tmp_path, files))
    refused = 0
    for place in range(124, 260):
        for bit in range(0, 8, 1 if form is bytes else 4):
            data = bytearray(files["train_32x32.mat"])
            data[place] ^= 1 << bit
            (tmp_path / "train_32x32.mat").write_bytes(data)
            try:
                found = load("svhn", tmp_path)
            except ConfigError:
                refused += 1
            else:
                assert found.train_x.shape == whole.train_x.shape
    assert refused > 200

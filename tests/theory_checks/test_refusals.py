"""What systems refuse and disks spoil: a sentence and a status, nothing half-written, and the next run mends it."""

from __future__ import annotations

import json
import os
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from purifyjax.data.images import load
from tests.theory_checks import tiny
from theory_checks import all as every
from theory_checks import catalogue, image_features, merge
from theory_checks.measuring import image_features as measure

LIMITS = (0, 60, 300, 1500, 4000)  # bytes a file: refused at other places each


def told(out: Path) -> list:
    return json.loads((out / "verdicts.json").read_text(encoding="utf-8"))["claims"]


@contextmanager
def no_larger_files(size: int) -> Iterator[None]:
    """The system refuses to write beyond so many bytes of a file, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def temporaries(out: Path) -> list[Path]:
    return [path for path in out.rglob(".*") if path.name != ".lock"]


pytestmark = pytest.mark.usefixtures("tiny_paper", "blank_figures")


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The folders of two finished runs, and of one that merged them."""
    folder = tmp_path_factory.mktemp("reference")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "papers", lambda: (tiny.PAPER,))
        for name, seeds in (("a", "0-1"), ("b", "2-3")):
            assert every.main(["--profile", "tiny", "--seeds", seeds, "--out", str(folder / name)]) == 0
        assert merge.main([str(folder / "a"), str(folder / "b"), "--out", str(folder / "merged")]) == 0
    return folder


def run_all(folder: Path) -> tuple[int, Path]:
    return every.main(["--profile", "tiny", "--seeds", "0-1", "--out", str(folder / "a")]), folder / "a"


def run_merge(folder: Path) -> tuple[int, Path]:
    return merge.main([str(folder / "a"), str(folder / "b"), "--out", str(folder / "merged")]), folder / "merged"


def run_images(folder: Path) -> tuple[int, Path]:
    return image_features.main(["--seeds", "7,", "--out", str(folder / "images")]), folder / "images"


COMMANDS = {"all": run_all, "merge": run_merge}
Run = Callable[[Path], tuple[int, Path]]


def one_sentence(error: str, status: int) -> str:
    """The sentence of a run that ended so."""
    sentences = [line for line in error.splitlines() if line.startswith("error: ")]
    assert len(sentences) == (status in (2, 4)), error
    assert "Traceback" not in error and "Exception ignored" not in error
    return "".join(sentences)


@pytest.mark.parametrize("size", LIMITS)
@pytest.mark.parametrize("run", COMMANDS.values(), ids=list(COMMANDS))
def test_a_full_disk_is_a_sentence_and_the_next_run_goes_on(run: Run, size, reference, tmp_path, capsys):
    if run is run_merge:
        for name in "ab":
            shutil.copytree(reference / name, tmp_path / name)
    with no_larger_files(size):
        status, out = run(tmp_path)
    assert status == 4
    sentence = one_sentence(capsys.readouterr().err, 4)
    assert f"error: {out}" in sentence and "cannot be written: File too large; what is finished is saved" in sentence
    assert temporaries(out) == []
    assert run(tmp_path)[0] == 0
    assert told(out) == told(reference / out.name)


@pytest.mark.parametrize("size", LIMITS[:4])
def test_a_full_disk_is_a_sentence_for_what_keeps_no_training(size, no_images, tmp_path, capsys):
    load("digits")  # once, since scikit-learn itself writes as it is imported
    with no_larger_files(size):
        status, out = run_images(tmp_path)
    assert status == 4
    sentence = one_sentence(capsys.readouterr().err, 4)
    assert f"error: {out}" in sentence and "File too large; no training is kept: run the same command again" in sentence
    assert temporaries(out) == []
    assert run_images(tmp_path)[0] == 0
    assert {path.name for path in out.iterdir()} >= {"curve.parquet", "accuracies.parquet", "image_features.png"}


@pytest.mark.parametrize(("error", "status"), [(KeyboardInterrupt, 130), (RuntimeError, 70), (OSError, 4)])
def test_whatever_ends_the_following_of_images_has_its_status(error, status, tmp_path, capsys, monkeypatch):
    def stop(*_, **__):
        raise error("the end")

    monkeypatch.setattr(measure, "image_features", stop)
    assert run_images(tmp_path)[0] == status
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.endswith("; no training is kept: run the same command again") == (status != 70)


@pytest.mark.parametrize("place", ["store", "checkpoints", "trajectories", "run.json", ".lock", "verdicts.json"])
def test_a_place_that_is_taken_is_named(place, tmp_path, capsys):
    taken = tmp_path / "a" / place
    taken.parent.mkdir()
    if "." in place:
        taken.mkdir()
    else:
        taken.write_text("a file")
    status, out = run_all(tmp_path)
    sentence = one_sentence(capsys.readouterr().err, status)
    assert status == 4 and str(taken) in sentence
    assert temporaries(out) == [] or place == ".lock"
    shutil.rmtree(taken) if taken.is_dir() else taken.unlink()
    assert run_all(tmp_path)[0] == 0


def _flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def _array(path: Path) -> None:
    with open(path, "wb") as file:
        np.save(file, np.arange(3))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a flipped bit": _flipped,
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "empty": lambda path: path.write_bytes(b""),
    "null": lambda path: path.write_text("null"),
    "a list": lambda path: path.write_text('[{"checksum": 1}]'),
    "a number in place of text": lambda path: path.write_text('{"checksum": 1, "ran": 2, "files": 3, "only": 4}'),
    "a lone array": _array,
    "not text": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
@pytest.mark.parametrize("run", COMMANDS.values(), ids=list(COMMANDS))
def test_what_is_damaged_is_made_anew(run: Run, damage, reference, tmp_path, capsys):
    """Every file of a finished run at once."""
    shutil.copytree(reference, tmp_path / "here")
    out = tmp_path / "here" / ("a" if run is run_all else "merged")
    for path in [path for path in out.rglob("*") if path.is_file()]:
        damage(path)
    assert run(tmp_path / "here")[0] == 0
    assert told(out) == told(reference / out.name)
    one_sentence(capsys.readouterr().err, 0)


def test_one_damaged_file_is_made_anew(reference, tmp_path, capsys):
    """Each file of a finished run by itself."""
    for path in sorted(path.relative_to(reference) for path in (reference / "a").rglob("*") if path.is_file()):
        shutil.copytree(reference / "a", tmp_path / "a")
        _flipped(tmp_path / path) if (tmp_path / path).stat().st_size else None
        assert run_all(tmp_path)[0] == 0, path
        assert told(tmp_path / "a") == told(reference / "a"), path
        one_sentence(capsys.readouterr().err, 0)
        shutil.rmtree(tmp_path / "a")


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
def test_damaged_records_are_not_merged_and_are_made_anew(damage, reference, tmp_path, capsys):
    for name in "ab":
        shutil.copytree(reference / name, tmp_path / name)
    for path in (tmp_path / "b" / "store").rglob("seed-*/*"):
        damage(path)
    assert run_merge(tmp_path)[0] == 0
    assert told(tmp_path / "merged") == told(reference / "merged")
    one_sentence(capsys.readouterr().err, 0)


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
def test_settings_that_are_damaged_are_not_merged(damage, reference, tmp_path, capsys):
    for name in "ab":
        shutil.copytree(reference / name, tmp_path / name)
    damage(tmp_path / "b" / "run.json")
    status, _ = run_merge(tmp_path)
    gone = not (tmp_path / "b" / "run.json").exists()
    assert status == (2 if gone else 4)
    assert "run.json" in one_sentence(capsys.readouterr().err, status)


@pytest.mark.parametrize("name", ["a\nb", "\udcff", "\x1b[31m", "τ", " ", "a" * 200, "-", "%s", "'", "a\\b"])
def test_a_folder_may_have_any_name(name, tmp_path, capsys):
    out = tmp_path / name
    arguments = ["--profile", "tiny", "--seeds", "0-1", f"--out={out}"]
    assert every.main(arguments) == 0
    printed = capsys.readouterr()
    assert "\x1b" not in printed.err and len(told(out)) == 4
    (out / "verdicts.json").unlink()
    (out / "verdicts.json").mkdir()
    assert every.main(arguments) == 4
    one_sentence(capsys.readouterr().err, 4)


def test_a_checkpoint_that_cannot_be_written_does_not_hide_a_stop(tmp_path, capsys, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("purifyjax.commands.progress.Bar.update", stop)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "checkpoints").write_text("a file")
    assert run_all(tmp_path)[0] == 130
    error = capsys.readouterr().err
    assert "interrupted; what is finished is saved" in error and "checkpoint are lost" in error
    assert os.fspath(tmp_path / "a" / "checkpoints") in error and "Traceback" not in error

"""Terminals, pipes and environments of all kinds around a whole command, in a process of its own."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios
from pathlib import Path

import pytest

from tests.theory_checks.processes import start
from theory_checks import all as command


def told(out: Path) -> list:
    return json.loads((out / "verdicts.json").read_text(encoding="utf-8"))["claims"]


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """What a run finds in an ordinary environment."""
    out = tmp_path_factory.mktemp("reference")
    process = start(out)
    process.communicate(timeout=120)
    assert process.returncode == 0
    return told(out)


def test_numbers_and_report_do_not_hang_on_the_environment_or_on_who_reads(reference, tmp_path):
    """Nobody reads the output, the encoding has no Greek, and the variables ask for other numbers."""
    asked = {"JAX_ENABLE_X64": "1", "JAX_DEFAULT_PRNG_IMPL": "rbg", "JAX_THREEFRY_PARTITIONABLE": "0"}
    odd = {"PYTHONIOENCODING": "ascii", "MPLBACKEND": "nonsense", "PJRT_NPROC": "0", "JAX_RANDOM_SEED_OFFSET": "3"}
    process = start(tmp_path, environment=asked | odd)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    assert told(tmp_path) == reference and (tmp_path / "report.html").exists()
    (line,) = [line for line in error.decode("ascii").splitlines() if "not used" in line]
    assert all(name.lower() in line for name in (*asked, "JAX_RANDOM_SEED_OFFSET"))
    assert b"Traceback" not in error and b"Exception ignored" not in error and b"\r" not in error


def test_streams_that_are_closed_change_nothing(reference, tmp_path):
    process = start(tmp_path, closed=True)
    process.communicate(timeout=120)
    assert process.returncode == 0 and told(tmp_path) == reference


def test_a_disk_that_is_full_of_output_does_not_stop_the_run(reference, tmp_path):
    with open("/dev/full", "w") as full:
        process = start(tmp_path, stdout=full, stderr=full)
        process.communicate(timeout=120)
    assert process.returncode == 0 and told(tmp_path) == reference


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("XLA_FLAGS", "--nonsense", "XLA_FLAGS = '--nonsense' is not allowed: flags that the installed XLA knows"),
        ("JAX_PLATFORMS", "nonsense", "jax does not start in this environment: Unable to initialize backend"),
        ("JAX_ENABLE_X64", "maybe", "jax does not start in this environment: invalid truth value 'maybe'"),
    ],
)
def test_an_environment_without_a_jax_is_one_sentence(name, value, says, tmp_path):
    process = start(tmp_path, environment={name: value})
    _, error = process.communicate(timeout=120)
    assert process.returncode == 2
    assert error.decode().startswith(f"error: {says}") and error.count(b"\n") == 1


@pytest.mark.parametrize("no_color", ["", "1"])
def test_nothing_is_wider_than_a_narrow_terminal(no_color, tmp_path):
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    environment = {"NO_COLOR": no_color, "TERM": "xterm", "COLUMNS": ""}
    process = start(tmp_path, environment=environment, stdout=side, stderr=subprocess.DEVNULL)
    os.close(side)
    shown = b""
    try:
        while piece := os.read(main, 4096):
            shown += piece
    except OSError:  # the end of a terminal
        pass
    os.close(main)
    assert process.wait(60) == 0
    text = shown.decode()
    assert ("\x1b[32mholds\x1b[0m" in text) == (not no_color) and ("\x1b" in text) == (not no_color)
    lines = re.sub("\x1b\\[[0-9;]*m", "", text).replace("\r", "").split("\n")
    assert max(map(len, lines)) <= 40
    assert "walks-stay: no, 16.48 [2.032, 30.93]," in lines


@pytest.mark.parametrize(("flag", "status"), [("--help", 0), ("--nonsense", 2)])
def test_help_and_refusals_are_coloured_for_terminals_that_want_it(flag, status, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    for no_color, coloured in (("1", False), ("", flag == "--help")):
        monkeypatch.setenv("NO_COLOR", no_color)
        assert command.main([flag]) == status
        printed = capsys.readouterr()
        assert ("\x1b" in printed.out + printed.err) == coloured

"""Arguments become options, or one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
from tyro import conf

from purifyjax.commands.arguments import LARGEST, MOST, SMALLEST, at_home, parse, require_count, require_number
from purifyjax.errors import ConfigError


@dataclass(frozen=True)
class Options:
    """Some options."""

    folders: Annotated[tuple[Path, ...], conf.Positional] = ()
    """Folders."""
    out: Path | None = None
    """A folder."""
    only: tuple[str, ...] = ()
    """Names."""
    steps: int = 3
    """How many."""
    strict: bool = False
    """A switch."""


def parsed(*words: str) -> Options:
    return parse(Options, words, "program")


def test_what_is_said_is_meant(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    found = parsed("a", "~/b", "--out=~/c", "--only", "x", "y", "--steps", "-4", "--strict")
    assert found == Options((Path("a"), Path("/home/me/b")), Path("/home/me/c"), ("x", "y"), -4, True)
    assert parsed() == Options()
    assert parsed("--no-strict", "--steps=5").steps == 5


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--only"], "--only needs a value after it"),
        (["--only="], "--only needs a value after it"),
        (["--only", "--strict"], "--only needs a value after it"),
        (["--out", ""], "--out needs a value after it"),
        (["--steps", "3", "--steps", "4"], "--steps is given 2 times: once is enough"),
        (["--strict", "--no-strict"], "--strict is given 2 times: once is enough"),
        (["--strict", "--strict", "--strict"], "--strict is given 3 times: once is enough"),
        (["a", ""], "an empty argument says nothing: leave it out"),
        (["--steps", "many"], "--steps: invalid literal for int() with base 10: 'many' (see program --help)"),
        (["--nonsense"], "Unrecognized options: --nonsense (see program --help)"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(words, says, capsys):
    with pytest.raises(ConfigError) as refused:
        parsed(*words)
    assert str(refused.value).endswith(says) and "\n" not in str(refused.value)
    assert capsys.readouterr() == ("", "")


def test_help_is_an_answer(capsys):
    with pytest.raises(SystemExit) as answered:
        parsed("--help")
    assert not answered.value.code and "Some options." in capsys.readouterr().out


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 0.0, SMALLEST / 2, LARGEST * 2, 1e300])
def test_numbers_that_float32_cannot_square_are_refused(value):
    with pytest.raises(ConfigError, match=r"--radius = .* is not allowed: a number from 1e-15 to 1e\+15"):
        require_number("--radius", value)


def test_numbers_and_counts_up_to_their_ends():
    require_number("--radius", SMALLEST)
    require_number("--radius", LARGEST)
    require_count("--steps", 2, 2)
    require_count("--steps", MOST)
    for value in (1, MOST + 1):
        with pytest.raises(ConfigError, match="a whole number from 2 to 2147483647"):
            require_count("--steps", value, 2)


def test_only_paths_are_at_home(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert at_home(("~", Path("~"))) == ("~", Path("/home/me"))
    assert at_home(Path("~nobody-of-this-name/x")) == Path("~nobody-of-this-name/x")
    assert at_home(None) is None

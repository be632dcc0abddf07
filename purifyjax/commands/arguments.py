"""Command lines: what a user writes becomes a record of options, or is refused in one sentence."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from purifyjax.commands.terminal import coloured
from purifyjax.errors import ConfigError, require

T = TypeVar("T")
# Squares of what lies between, summed over many coordinates, are neither 0 nor infinite in float32.
SMALLEST, LARGEST = 1e-15, 1e15
MOST = 2**31 - 1  # of an int32
_FRAMES = re.compile("\033\\[[0-9;]*m|[│╭╮╰╯]")
_RULE = re.compile("^.*[-─]{8,}.*$", re.MULTILINE)


def parse(kind: type[T], arguments: Sequence[str] | None, prog: str) -> T:
    """The options that the arguments (of the process if None) say; folders that begin with ~ are of the user's home.

    Args:
      kind: a dataclass of options.
      prog: the command, as users write it.

    Raises:
      ConfigError: arguments that say nothing, or that `kind` does not have.
      SystemExit: with status 0, after `--help`.
    """
    import tyro  # late: what is told before it answers at once

    words = list(sys.argv[1:] if arguments is None else arguments)
    _require_values(words, {field.name for field in fields(kind) if field.type != "bool"})  # pyright: ignore
    tyro._experimental_options["ansi_codes"] = coloured()
    told = io.StringIO()
    try:
        with contextlib.redirect_stderr(told):
            options = tyro.cli(kind, args=words, prog=prog)
    except SystemExit as stop:
        if not stop.code:
            raise
        raise ConfigError(f"{_sentence(told.getvalue())} (see {prog} --help)") from None
    return replace(options, **{field.name: at_home(getattr(options, field.name)) for field in fields(kind)})  # pyright: ignore


def at_home(value: Any) -> Any:
    """Paths, one or a tuple of them, with a leading ~ as the user's home folder; anything else as it is."""
    if isinstance(value, Path):
        return Path(os.path.expanduser(value))
    return tuple(map(at_home, value)) if isinstance(value, tuple) else value


def require_number(field: str, value: float) -> None:
    """`ConfigError` unless a positive number can be computed with in float32."""
    require(SMALLEST <= value <= LARGEST, field, value, f"a number from {SMALLEST:g} to {LARGEST:g}")


def require_count(field: str, value: int, least: int = 1) -> None:
    """`ConfigError` unless a whole number lies between `least` and what an int32 holds."""
    require(least <= value <= MOST, field, value, f"a whole number from {least} to {MOST}")


def _require_values(words: Sequence[str], valued: set[str]) -> None:
    """`ConfigError` for an option that is given twice, or without what it needs: the parser would let both pass."""
    flags = [word.partition("=")[0].replace("_", "-") for word in words]
    for flag, count in Counter(flag.replace("--no-", "--", 1) for flag in flags if flag.startswith("--")).items():
        if count > 1:
            raise ConfigError(f"{flag} is given {count} times: once is enough")
    for place, (word, flag) in enumerate(zip(words, flags, strict=True)):
        if not word:
            raise ConfigError("an empty argument says nothing: leave it out")
        if flag.startswith("--") and flag[2:].replace("-", "_") in valued:
            value = word.partition("=")[2] if "=" in word else "".join(words[place + 1 : place + 2])
            if not value or ("=" not in word and value.startswith("--")):
                raise ConfigError(f"{flag} needs a value after it")


def _sentence(told: str) -> str:
    """What the parser says first within its frame, under the title."""
    sections = _RULE.split(_FRAMES.sub("", told))
    first = re.split("\n\\s*\n", "".join(sections[1:2]).strip())[0]
    return " ".join(first.split()).removeprefix("Error parsing ").rstrip(".") or "the arguments are not understood"

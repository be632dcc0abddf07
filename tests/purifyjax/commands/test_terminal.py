"""Streams that do not fail, and text that fits."""

import io
import os
import sys
import threading
from contextlib import contextmanager

import pytest

from purifyjax.commands.terminal import WIDTH, coloured, fold, lasting, printable, width


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


@contextmanager
def piped():
    """A pipe in place of the process's standard output: the end to read from."""
    kept, stdout = os.dup(1), sys.stdout
    reader, writer = os.pipe()
    os.dup2(writer, 1)
    os.close(writer)
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), encoding="ascii")
    try:
        yield reader
    finally:
        sys.stdout = stdout
        os.dup2(kept, 1)
        os.close(kept)


def test_what_the_encoding_lacks_is_replaced():
    with piped() as reader:
        with lasting():
            print("τ = 1")
        assert os.read(reader, 100) == b"? = 1\n"
    os.close(reader)


def test_a_reader_that_is_gone_is_no_error():
    with piped() as reader:
        os.close(reader)
        with lasting():
            for _ in range(3):
                print("a line", flush=True)
            sys.stdout.write("x" * 100_000)


def test_a_pipe_that_is_full_is_waited_for():
    size, read = 200_000, []
    with piped() as reader:
        os.set_blocking(1, False)

        def drain():
            while sum(read) < size:
                read.append(len(os.read(reader, 4096)))

        thread = threading.Thread(target=drain)
        thread.start()
        with lasting():
            sys.stdout.write("x" * size)
        thread.join()
    os.close(reader)
    assert sum(read) == size


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_stream_that_was_closed_from_the_start_leads_nowhere(name, monkeypatch):
    monkeypatch.setattr(sys, name, None)
    number = {"stdout": 1, "stderr": 2}[name]
    kept = os.dup(number)
    os.close(number)
    try:
        with lasting():
            print("nobody reads", file=getattr(sys, name))
            assert os.readlink(f"/proc/self/fd/{number}") == os.devnull
        assert getattr(sys, name) is None
    finally:
        os.dup2(kept, number)
        os.close(kept)


def test_streams_of_others_keep_their_place(monkeypatch):
    own = io.StringIO()
    monkeypatch.setattr(sys, "stdout", own)
    with lasting():
        assert sys.stdout is own
        print("kept")
    assert own.getvalue() == "kept\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a b τ", "a b τ"), ("a\nb", "a\\nb"), ("\x1b[31m", "\\x1b[31m"), ("\udcff", "\\udcff"), ("\x07\t", "\\x07\\t")],
)
def test_text_of_users_steers_no_terminal(text, shown):
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("stream", "columns", "expected"),
    [
        (Terminal, "40", 40),
        (Terminal, "300", WIDTH),
        (io.StringIO, None, WIDTH),
        (io.StringIO, "60", 60),
        (io.StringIO, "0", WIDTH),
        (io.StringIO, "nonsense", WIDTH),
        (io.StringIO, "-4", WIDTH),
    ],
)
def test_lines_are_as_wide_as_the_terminal_or_as_columns_says(stream, columns, expected, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    assert width(stream()) == expected


@pytest.mark.parametrize(
    ("stream", "said", "expected"),
    [(Terminal, None, True), (Terminal, "", True), (Terminal, "1", False), (io.StringIO, None, False)],
)
def test_colour_is_for_terminals_that_want_it(stream, said, expected, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    if said is not None:
        monkeypatch.setenv("NO_COLOR", said)
    assert coloured(stream()) == expected


def test_what_is_too_long_goes_on_in_the_next_line():
    assert fold("a line of many words", 12) == ["a line of", "  many words"]
    assert fold("", 12) == [""]

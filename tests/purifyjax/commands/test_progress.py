"""Progress: a bar on a terminal, a line now and then in a log."""

import io
import sys

import pytest

from purifyjax.commands import progress
from purifyjax.commands.progress import Progress, say, steps


class Clock:
    """A time that goes on when it is told to."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    own = Clock()
    monkeypatch.setattr(progress, "time", own)
    return own


def of_training(clock, seconds: float) -> None:
    with steps("training", 1000) as bar:
        for _ in range(1000):
            clock.now += seconds
            bar.update(1, loss="0.5")


def of_loops(clock, seconds: float) -> None:
    with Progress("attacks") as shown:
        for _ in shown.over(range(10)):
            for _ in shown.over(range(100)):
                clock.now += seconds


@pytest.mark.parametrize("task", [of_training, of_loops])
@pytest.mark.parametrize(("seconds", "lines"), [(0.0, 1), (0.02, 1), (0.1, 4), (10.0, 10)])
def test_a_log_gets_a_line_a_tenth_and_a_half_minute(task, seconds, lines, clock, capsys):
    task(clock, seconds)
    told = capsys.readouterr().err
    assert "\r" not in told and told.count("\n") == lines
    assert "100%" in told.splitlines()[-1]


def test_a_log_hears_how_far_a_task_came_that_was_stopped(clock, capsys):
    with pytest.raises(KeyboardInterrupt), steps("training", 4) as bar:
        bar.update(2, loss="0.5")
        raise KeyboardInterrupt
    assert capsys.readouterr().err == "training:  50% [00:00<?, loss=0.5]\n"


def test_a_terminal_gets_a_bar(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    own = Terminal()
    monkeypatch.setattr(sys, "stderr", own)
    with steps("training", 2) as bar:
        bar.update(2, loss="0.5")
    told = own.getvalue()
    assert "\r" in told and "100%" in told and "loss=0.5" in told


def test_nothing_is_shown_of_a_silent_task(capsys):
    with Progress("attacks", silent=True) as shown:
        assert list(shown.over([1, 2])) == [1, 2]
    assert capsys.readouterr().err == ""


def test_lines_keep_their_breaks_and_nothing_else_that_steers(capsys):
    say("one\ntwo\x1b[31m")
    assert capsys.readouterr().err == "one\ntwo\\x1b[31m\n"

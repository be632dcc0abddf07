"""How every command ends: bad settings, refusals of the system and stops in one sentence, each with its own status."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from purifyjax.commands import terminal
from purifyjax.commands.signals import Stopped, stoppable
from purifyjax.errors import ConfigError

UNUSABLE, REFUSED, FAILED, INTERRUPTED = 2, 4, 70, 130
GO_ON = "what is finished is saved: run the same command again to go on"


def run(command: Callable[[], int], *, kept: str = GO_ON) -> int:
    """The command's exit status, or how else it ended.

    2 for a `ConfigError`, 4 where the system refuses to read or write a file (a full disk, say), 70 for a crash,
    128 + the signal's number for a stop. Nothing that is printed fails (`terminal.lasting`).

    Args:
      command: imports by itself what is large, so that a crash of an import is one of the command, and computes within
        `computing`.
      kept: what a run that did not come to its end leaves.
    """
    with terminal.lasting():
        try:
            with stoppable():
                return command()
        except ConfigError as error:
            return _end(UNUSABLE, f"error: {error}", error)
        except OSError as error:
            return _end(REFUSED, f"error: {_refusal(error)}; {kept}", error)
        except Exception:
            traceback.print_exc()
            return FAILED
        except SystemExit as stop:  # `--help` was answered
            return int(stop.code or 0)
        except KeyboardInterrupt as stop:
            print(file=sys.stderr)
            return _end(INTERRUPTED, f"interrupted; {kept}", stop)
        except Stopped as stop:
            print(file=sys.stderr)
            return _end(stop.status, f"stopped by {stop.signal.name}; {kept}", stop)


@contextmanager
def computing() -> Iterator[None]:
    """Within the block jax computes in one way (`numerics.fixed`), and its programs are kept (`compiled.kept`)."""
    from purifyjax.commands.compiled import kept
    from purifyjax.commands.numerics import fixed

    with fixed(), kept():
        yield


def _end(status: int, sentence: str, error: BaseException) -> int:
    """Print why the command ends, with what was noted on the way."""
    print(terminal.printable("; ".join([sentence, *getattr(error, "__notes__", ())])), file=sys.stderr)
    return status


def _refusal(error: OSError) -> str:
    """What the system refused, and where."""
    if type(error).__str__ is OSError.__str__ and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)

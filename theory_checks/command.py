"""How every command ends: bad settings and stops in one sentence, each with a status of its own."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable

from purifyjax.errors import ConfigError
from theory_checks.signals import Stopped, stoppable

UNUSABLE, FAILED, INTERRUPTED = 2, 70, 130
_GO_ON = "what is finished is saved: run the same command again to go on"


def run(command: Callable[[], int]) -> int:
    """The command's exit status; 2 for a `ConfigError`, 70 for a crash, 128 + the signal's number for a stop.

    Args:
      command: imports by itself what is large, so that a crash of an import is one of the command.
    """
    try:
        with stoppable():
            return command()
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return UNUSABLE
    except Exception:
        traceback.print_exc()
        return FAILED
    except KeyboardInterrupt:
        print(f"\ninterrupted; {_GO_ON}", file=sys.stderr)
        return INTERRUPTED
    except Stopped as stop:
        print(f"\nstopped by {stop.signal.name}; {_GO_ON}", file=sys.stderr)
        return stop.status

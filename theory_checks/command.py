"""How every command ends: bad settings and stops in one sentence, each with a status of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable

from purifyjax.errors import ConfigError
from theory_checks.signals import Stopped, stoppable

UNUSABLE, INTERRUPTED = 2, 130
_GO_ON = "what is finished is saved: run the same command again to go on"


def run(command: Callable[[], int]) -> int:
    """The command's exit status; 2 for a `ConfigError`, 128 + the signal's number for a stop."""
    try:
        with stoppable():
            return command()
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return UNUSABLE
    except KeyboardInterrupt:
        print(f"\ninterrupted; {_GO_ON}", file=sys.stderr)
        return INTERRUPTED
    except Stopped as stop:
        print(f"\nstopped by {stop.signal.name}; {_GO_ON}", file=sys.stderr)
        return stop.status

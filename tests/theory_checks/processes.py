"""Commands in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import theory_checks

# The paper of walks is the only one. Nothing large is imported before the command runs.
START = """
import signal, sys
# A suite under nohup, or in the background of a script, hands down that these are ignored.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
from purifyjax.commands import ending as command
from theory_checks import all
def walks():
    with command.computing():
        from tests.theory_checks import tiny
        from theory_checks import catalogue
        catalogue.papers = lambda: (tiny.PAPER,)
        return all._main(sys.argv[1:])
sys.exit(command.run(walks))
"""


def start(
    out: Path, *arguments: str, environment: dict[str, str] | None = None, closed: bool = False, **options: Any
) -> subprocess.Popen:
    """A run of the walks in a process of its own; its output is piped unless the options say otherwise.

    Args:
      closed: whether it starts without any stream.
    """
    own = os.environ | {"PYTHONPATH": str(Path(theory_checks.__file__).parents[1])} | (environment or {})
    command = [sys.executable, "-c", START, "--profile", "tiny", "--out", str(out), *arguments]
    if closed:  # by a shell: Python runs nothing safely between fork and exec
        command = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command]
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=own, **streams | options)

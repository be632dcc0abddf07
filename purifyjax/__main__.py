"""The library's commands: `python -m purifyjax sweep | show | plot | merge | falsify`.

Exit status: 0; 1 where falsify found a violation; 2 for unusable settings, 4 where a file could not be read or written,
70 for a crash, 128 + the signal's number for a stop.
"""

from __future__ import annotations

import sys

from purifyjax.commands.ending import computing, run

COMMANDS = ("sweep", "show", "plot", "merge", "falsify")
USAGE = f"""usage: python -m purifyjax {{{",".join(COMMANDS)}}} [--help] ...

  sweep    compute a task at every combination of settings and seeds
  show     tell how far a sweep is, and the averages over seeds
  plot     draw a number of it
  merge    put the blocks of several folders together
  falsify  search settings for a violation of a conjecture"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    return run(lambda: _main(words), kept="blocks that are finished are saved: run the same command again to go on")


def _main(words: list[str]) -> int:
    from purifyjax.commands import grids
    from purifyjax.commands.arguments import parse
    from purifyjax.errors import require

    if words[:1] in (["--help"], ["-h"]):
        print(USAGE)
        return 0
    name = words[0] if words else ""
    require(name in COMMANDS, "command", name, f"{', '.join(COMMANDS)} (see python -m purifyjax --help)")
    kind, execute = {
        "sweep": (grids.Sweep, grids.run_sweep),
        "show": (grids.Show, grids.run_show),
        "plot": (grids.Plot, grids.run_plot),
        "merge": (grids.Merge, grids.run_merge),
        "falsify": (grids.Falsify, grids.run_falsify),
    }[name]
    options = parse(kind, words[1:], f"python -m purifyjax {name}")
    with computing():
        return execute(options, grids.command_line(words))  # pyright: ignore[reportArgumentType]


if __name__ == "__main__":
    sys.exit(main())

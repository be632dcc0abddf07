"""Check every claim: `python -m theory_checks.all`.

Trains the profile's experiments (once: finished work is kept and reused), attacks the nets, and prints a verdict for
each claim as soon as it is known. Exit status:

    0    complete, and no theorem or experiment is refuted
    1    one is
    2    unusable settings
    3    none is, but one is undecided, with --strict
    4    a file could not be read or written (a full disk, say): what was finished before is kept
    70   the program failed
    129, 130, 143   stopped by SIGHUP, Ctrl-C or SIGTERM
"""

from __future__ import annotations

import sys

from purifyjax.commands.ending import computing, run


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    return run(lambda: _main(arguments))


def _main(arguments: list[str] | None) -> int:
    from purifyjax.commands.arguments import parse
    from theory_checks.options import Options

    options = parse(Options, arguments, "python -m theory_checks.all")
    with computing():
        from theory_checks import catalogue

        if options.list:
            print(catalogue.listing(catalogue.papers()))
            return 0
        from theory_checks.check import check

        return check(options)


if __name__ == "__main__":
    sys.exit(main())

"""Check every claim: `python -m theory_checks.all`.

Trains the profile's experiments (once: finished work is kept and reused), attacks the nets, and prints a verdict for
each claim as soon as it is known. Exit status:

    0    complete, and no theorem or experiment is refuted
    1    one is
    2    unusable settings
    3    none is, but one is undecided, with --strict
    70   the program failed
    129, 130, 143   stopped by SIGHUP, Ctrl-C or SIGTERM
"""

from __future__ import annotations

import sys
import traceback

FAILED = 70


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    # Imported inside: whatever fails, a crash is never taken for a refuted claim.
    try:
        import tyro

        from theory_checks.command import run
        from theory_checks.options import Options

        return run(lambda: _main(tyro.cli(Options, args=arguments, prog="python -m theory_checks.all")))
    except Exception:
        traceback.print_exc()
        return FAILED


def _main(options) -> int:
    from theory_checks import catalogue

    if options.list:
        print(catalogue.listing(catalogue.papers()))
        return 0
    from theory_checks.check import check

    return check(options)


if __name__ == "__main__":
    sys.exit(main())

"""Every benchmark: `python -m benchmarks`."""

import sys

from benchmarks import training_rate

if __name__ == "__main__":
    sys.exit(training_rate.main(prog="python -m benchmarks"))

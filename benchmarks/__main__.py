"""Every benchmark that needs nothing but this machine: `python -m benchmarks`.

How close training comes to the machine's matrix-product rate, then where a run of `quick` spends its time.
"""

import sys

from benchmarks import time_spent, training_rate

if __name__ == "__main__":
    sys.exit(training_rate.main(prog="python -m benchmarks") or time_spent.main([]))

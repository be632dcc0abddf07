"""Every benchmark: `python -m benchmarks`."""

from benchmarks import training_rate

if __name__ == "__main__":
    training_rate.main()

"""Cells a second of a sweep against a Python loop of jitted runs: `python -m benchmarks.sweep_rate`.

Both compute the same cells of `purifyjax.tasks.purification`, which is compiled beforehand. Rounds of the two
alternate, so that the ratio stands when the machine's speed drifts.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import jax
import numpy as np
from tyro import conf

from purifyjax.commands.arguments import parse
from purifyjax.commands.ending import computing, run
from purifyjax.grids.compute import Computer
from purifyjax.grids.task import Task
from purifyjax.tasks.purification import Purification

ROUNDS = 3


@dataclass(frozen=True)
class Options:
    """Compare a sweep with a Python loop over its cells."""

    dimensions: Annotated[tuple[int, ...], conf.arg(metavar="D [D ...]")] = (64, 512)
    """Small and large."""
    cells: Annotated[tuple[int, ...], conf.arg(metavar="N [N ...]")] = (1, 4, 16, 64)
    """Numbers of seeds."""
    pace: float = 0.05
    """Length of the training, relative to the schedule at d = 1024."""


def looped(task: Task) -> Callable[[Sequence[int]], list[Any]]:
    """Seeds -> the numbers of every cell, one jitted call each."""
    one = jax.jit(lambda seed: task(jax.random.key(seed)))
    return lambda seeds: [jax.block_until_ready(one(np.uint32(seed))) for seed in seeds]


def swept(task: Task) -> Callable[[Sequence[int]], Any]:
    """The same by the computer of sweeps."""
    compute = Computer()
    return lambda seeds: compute([task] * len(seeds), seeds)


def seconds(work: Callable[[Sequence[int]], Any], seeds: Sequence[int]) -> float:
    start = time.perf_counter()
    work(seeds)
    return time.perf_counter() - start


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    return run(lambda: _main(arguments), kept="nothing is kept")


def _main(arguments: list[str] | None) -> int:
    options = parse(Options, arguments, "python -m benchmarks.sweep_rate")
    with computing():
        for dimension in options.dimensions:
            task = Purification(dimension=dimension, pace=options.pace, points=64, steps=5)
            loop = looped(task)
            for cells in options.cells:
                seeds, sweep = range(10_000, 10_000 + cells), swept(task)
                loop(seeds[:1])
                found = sweep(seeds)  # compiled for this width
                alone = loop(seeds[:1])[0]
                np.testing.assert_allclose(found["radius_clean"][0], alone["radius_clean"], rtol=0.05)
                times = [(seconds(loop, seeds), seconds(sweep, seeds)) for _ in range(ROUNDS)]
                slow, fast = np.median(np.array(times), axis=0)
                rate = f"{cells / fast:.3g} cells/s, {slow / fast:.2f} times those of a loop"
                print(f"d = {dimension}, {cells} seeds: {rate}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

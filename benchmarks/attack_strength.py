"""The standard suite against PGD-200 with 10 restarts: `python -m benchmarks.attack_strength TRAJECTORY.npz`.

Time and robust accuracy of both on the trained nets of a stored trajectory of the default experiment. Both run on
points that are right, after a warm-up, so that compilation does not count.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from purifyjax.attacks import GRADIENT_FREE, Ball, WorstCase, pgd, standard, winners, worst_case
from purifyjax.attacks.gradient import Attack
from purifyjax.attacks.worst_case import MarginOf
from purifyjax.data import instance
from theory_checks.experiments import profile
from theory_checks.measure.networks import NETS, fresh_points, margin_of, network

FACTORS, POINTS, PURPOSE = (0.5, 0.75, 1.0, 1.25, 1.5), 128, 5


def timed(attacks: Mapping[str, Attack], of: MarginOf, params, x, y, ball: Ball) -> tuple[float, WorstCase]:
    """Seconds and outcome of the worst case over the attacks."""
    start = time.perf_counter()
    found = worst_case(jax.random.key(0), of, params, x, y, ball, attacks, gradient_free=GRADIENT_FREE)
    return time.perf_counter() - start, found


def main(path: str, seeds: int = 1) -> None:
    """Print the table for the first seeds of a trajectory of the standard profile."""
    chosen = profile("standard")
    training = chosen.experiments[0].training
    with np.load(path, allow_pickle=False) as stored:
        arrays = {f"{p}_{net}": stored[f"{p}_{net}"][:seeds] for p in "wb" for net in NETS}
        numbers = jnp.asarray(stored["seeds"][:seeds])
    fixed = instance(training.data)
    suite = standard(fixed.to_input(fixed.label_weights))
    reference: dict[str, Attack] = {"pgd": partial(pgd, steps=200, restarts=10)}
    of = margin_of(training.neurons)
    x, y = fresh_points(numbers, POINTS, training.data, PURPOSE)
    print(f"{'net':<8}{'radius/τ':>9}{'suite':>8}{'PGD':>8}{'missed':>8}{'time ratio':>12}  broken by")
    for net in NETS:
        params = network(arrays, net)
        for attacks in (suite, reference):
            timed(attacks, of, params, x, y, Ball(0.0))
        for factor in FACTORS:
            ball = Ball(factor * chosen.radius)
            fast, found = timed(suite, of, params, x, y, ball)
            slow, strong = timed(reference, of, params, x, y, ball)
            missed = int(np.sum(found.standing & ~strong.standing))
            accuracies = f"{found.standing.mean():>8.3f}{strong.standing.mean():>8.3f}{missed:>8}"
            print(f"{net:<8}{factor:>9.2f}{accuracies}{fast / slow:>12.3f}  {winners(found.broken_by, list(suite))}")
            for warning in found.warnings:
                print(f"  {warning}")


if __name__ == "__main__":
    main(sys.argv[1])

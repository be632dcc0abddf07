"""The standard suite against PGD-200 with 10 restarts: `python -m benchmarks.attack_strength NETS.npz`.

Time and robust accuracy of both on trained nets: `purification.training` is what they come from, and the file holds
`seeds`, weights `w_clean` and `w_robust` [seed, m, d], and thresholds `b_clean` and `b_robust` [seed, m]. Both run on
points that are right, after a warm-up, so that compilation does not count.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from benchmarks import purification
from purifyjax.attacks import PGD, Attack, WorstCase, standard, winners, worst_case
from purifyjax.balls import Ball
from purifyjax.data import SparseCoding, instance, sample
from purifyjax.margins import MarginOf
from purifyjax.models import NetMargin
from purifyjax.sweep import seed_keys
from purifyjax.training import model_of

NETS = ("clean", "robust")
FACTORS, POINTS = (0.5, 0.75, 1.0, 1.25, 1.5), 128
_FRESH = 0x5EED  # folded into a seed's key: points that no training has seen


def fresh_points(
    seeds: Int[Array, " seed"], data: SparseCoding
) -> tuple[Float[Array, "seed n dim"], Float[Array, "seed n"]]:
    """Points a seed, and their labels."""

    @jax.jit
    def points(keys):
        return jax.lax.map(lambda key: sample(jax.random.fold_in(key, _FRESH), POINTS, data)[:2], keys)

    return points(seed_keys(seeds))


def timed(attacks: Sequence[Attack], of: MarginOf, params, x, y, ball: Ball) -> tuple[float, WorstCase]:
    """Seconds and outcome of the worst case over the attacks."""
    start = time.perf_counter()
    found = worst_case(jax.random.key(0), of, params, x, y, ball, attacks)
    return time.perf_counter() - start, found


def main(path: str, seeds: int = 1) -> None:
    """Print the table for the first seeds of a file of nets."""
    training, radius = purification.training()
    parts = {"weight": "w", "threshold": "b"}
    with np.load(path, allow_pickle=False) as stored:
        nets = {net: {part: jnp.asarray(stored[f"{p}_{net}"][:seeds]) for part, p in parts.items()} for net in NETS}
        numbers = jnp.asarray(stored["seeds"][:seeds])
    shape = (training.neurons, training.data.dimension)
    for net in NETS:
        found = nets[net]["weight"].shape[1:]
        if found != shape:
            sys.exit(f"{path}: weights of shape {found} where the benchmark's nets have {shape}")
    fixed = instance(training.data)
    suite = standard(fixed.to_input(fixed.label_weights))
    names = [attack.name for attack in suite]
    reference = (PGD(steps=200, restarts=10),)
    of = NetMargin(model_of(training, jax.lax.Precision.HIGHEST))
    x, y = fresh_points(numbers, training.data)
    print(f"{'net':<8}{'radius/τ':>9}{'suite':>8}{'PGD':>8}{'missed':>8}{'time ratio':>12}  broken by")
    for net, params in nets.items():
        for attacks in (suite, reference):
            timed(attacks, of, params, x, y, Ball(0.0))
        for factor in FACTORS:
            ball = Ball(factor * radius)
            fast, found = timed(suite, of, params, x, y, ball)
            slow, strong = timed(reference, of, params, x, y, ball)
            missed = int(np.sum(found.standing & ~strong.standing))
            accuracies = f"{found.standing.mean():>8.3f}{strong.standing.mean():>8.3f}{missed:>8}"
            print(f"{net:<8}{factor:>9.2f}{accuracies}{fast / slow:>12.3f}  {winners(found.broken_by, names)}")
            for warning in found.warnings:
                print(f"  {warning}")


if __name__ == "__main__":
    main(sys.argv[1])

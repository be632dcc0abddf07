"""The standard suite against PGD-200 with 10 restarts: `python -m benchmarks.attack_strength NETS.npz`.

Time and robust accuracy of both on trained nets: `purification.training` is what they come from, and the file holds
`seeds`, weights `w_clean` and `w_robust` [seed, m, d], and thresholds `b_clean` and `b_robust` [seed, m]. Both run on
points that are right, after a warm-up, so that compilation does not count.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from tyro import conf

from benchmarks import purification
from purifyjax.attacks import PGD, Attack, WorstCase, standard, winners, worst_case
from purifyjax.balls import Ball
from purifyjax.commands.arguments import parse, require_count
from purifyjax.commands.ending import computing, run
from purifyjax.data import SparseCoding, instance, sample
from purifyjax.errors import ConfigError, require
from purifyjax.margins import MarginOf
from purifyjax.models import NetMargin
from purifyjax.sweep import seed_keys
from purifyjax.training import Training, model_of

NETS = ("clean", "robust")
Nets = dict[str, dict[str, Array]]
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


@dataclass(frozen=True)
class Options:
    """Compare the standard suite with PGD-200 of 10 restarts on trained nets."""

    nets: Annotated[Path, conf.Positional, conf.arg(metavar="NETS.npz")]
    """A file of trained nets, such as results/PROFILE/trajectories/default.npz."""
    seeds: int = 1
    """How many of its seeds, the first."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    return run(lambda: _main(arguments), kept="nothing is kept")


def _main(arguments: list[str] | None) -> int:
    options = parse(Options, arguments, "python -m benchmarks.attack_strength")
    with computing():
        return compare(options)


def read(path: Path, training: Training, seeds: int) -> tuple[Nets, Int[Array, " seed"]]:
    """The first seeds' nets in a file, and their numbers; `ConfigError` if they are not those of the training."""
    names = ("seeds", *(f"{part}_{net}" for part in ("w", "b") for net in NETS))
    try:
        # numpy leaves a file open that it fails to read: open it here.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
            found = {name: jnp.asarray(stored[name][:seeds]) for name in names}
    except Exception:  # a damaged archive may raise any error of zipfile, zlib, struct or numpy
        raise ConfigError(f"NETS = {str(path)!r} is not allowed: an .npz file with {', '.join(names)}") from None
    for net in NETS:
        shape = found[f"w_{net}"].shape[1:]
        expected = (training.neurons, training.data.dimension)
        require(shape == expected, f"shape of w_{net}", shape, f"the benchmark's nets have {expected}")
    return {net: {"weight": found[f"w_{net}"], "threshold": found[f"b_{net}"]} for net in NETS}, found["seeds"]


def compare(options: Options) -> int:
    """Print the table; the exit status."""
    require_count("--seeds", options.seeds)
    training, radius = purification.training()
    nets, numbers = read(options.nets, training, options.seeds)
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
    return 0


if __name__ == "__main__":
    sys.exit(main())

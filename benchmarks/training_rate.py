"""How close training comes to the machine's matrix-product rate: `python -m benchmarks.training_rate`.

A step needs 2 products of batch × d × m without an adversary (forward, weight gradient), 4 with FGM (forward and
input gradient before), 2s + 2 with s steps of PGD. Sampling, attack, regulariser and update are included in
the time and count as no work. Both sides run in float32 at the device's default precision and are interleaved,
so that the ratio stands when the machine's speed drifts.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import purification
from purifyjax.attacks import FGM, PGD
from purifyjax.commands.arguments import parse
from purifyjax.commands.ending import computing
from purifyjax.commands.ending import run as command
from purifyjax.sweep import seed_keys, seeds_at_once
from purifyjax.sweep.train import bytes_a_seed
from purifyjax.training import Phase, Training, initial_state, run_steps

STEPS, ROUNDS = 10, 7


def products(phase: Phase) -> int:
    """Matrix products a step."""
    match phase.adversary:
        case None:
            return 2
        case FGM():
            return 4
        case PGD(steps=steps):
            return 2 * steps + 2
    raise ValueError(f"the products of {phase.adversary!r} are not known")


def seconds(run: Callable[[], jax.Array]) -> float:
    start = time.perf_counter()
    jax.block_until_ready(run())
    return time.perf_counter() - start


def matrix_products(config: Training, phase: Phase) -> Callable[[], jax.Array]:
    """The three products of a step, chained so that none is optimised away."""
    n, d, m = phase.batch_size, config.data.dimension, config.neurons
    x, w = (jax.random.normal(jax.random.key(i), s) for i, s in enumerate([(n, d), (m, d)]))

    @jax.jit
    def run(x, w):
        def step(carry, _):
            x, w = carry
            p = x @ w.T
            return (p @ w * 1e-4, p.T @ x * 1e-4), None

        return jax.lax.scan(step, (x, w), length=STEPS)[0][1]

    return lambda: run(x, w)


def training(config: Training, phase: Phase, seeds: int) -> Callable[[], jax.Array]:
    """STEPS steps of the phase for `seeds` seeds, as the sweep runs them."""
    keys = seed_keys(jnp.arange(seeds))
    states = jax.vmap(lambda key: initial_state(key, config))(keys)
    at_once = seeds_at_once(bytes_a_seed(config, phase), seeds)

    @partial(jax.jit, static_argnums=2)
    def run(keys, states, at_once):
        return jax.lax.map(
            lambda a: run_steps(a[0], a[1], config, phase, 0, 0, STEPS)[0].weight,
            (keys, states),
            batch_size=at_once,
        )

    return lambda: run(keys, states, at_once)


def ratio(config: Training, phase: Phase, seeds: int) -> tuple[float, float]:
    """Training's rate over the matrix-product rate, and the latter in GFLOP/s: medians over rounds."""
    work = 2.0 * phase.batch_size * config.data.dimension * config.neurons
    reference, candidate = matrix_products(config, phase), training(config, phase, seeds)
    for warm_up in (reference, candidate):
        seconds(warm_up)
    rates, ratios = [], []
    for _ in range(ROUNDS):
        rate = 3 * STEPS * work / seconds(reference)
        ratios.append(products(phase) * STEPS * seeds * work / seconds(candidate) / rate)
        rates.append(rate / 1e9)
    return float(np.median(ratios)), float(np.median(rates))


@dataclass(frozen=True)
class Options:
    """Compare the training of feature purification with the machine's matrix-product rate."""


def main(arguments: list[str] | None = None, *, prog: str = "python -m benchmarks.training_rate") -> int:
    """Run the command line; returns the exit status."""
    return command(lambda: _main(arguments, prog), kept="nothing is kept")


def _main(arguments: list[str] | None, prog: str) -> int:
    parse(Options, arguments, prog)
    with computing():
        return compare()


def compare() -> int:
    """Print the table for a run of feature purification; the exit status."""
    config, _ = purification.training()
    device = jax.devices()[0]
    print(f"{device.device_kind}, jax {jax.__version__}: d = {config.data.dimension}, m = {config.neurons}")
    print(f"{'phase':<22}{'seeds':>6}{'GFLOP/s of products':>22}{'training / products':>22}")
    total = {1: [0.0, 0.0], 4: [0.0, 0.0]}
    for name, phase in (("clean", config.clean[-1]), ("FGM", config.robust[-1])):
        stage = config.clean if name == "clean" else config.robust
        work = sum(p.steps * products(p) * p.batch_size for p in stage)
        for seeds in (1, 4):
            share, rate = ratio(config, phase, seeds)
            print(f"{name + ', batch ' + str(phase.batch_size):<22}{seeds:>6}{rate:>22.0f}{share:>22.2f}")
            total[seeds][0] += work
            total[seeds][1] += work / share
    for seeds, (work, time_units) in total.items():
        print(f"{'the whole run':<22}{seeds:>6}{'':>22}{work / time_units:>22.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

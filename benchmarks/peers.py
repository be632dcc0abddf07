"""Training steps and attacks against PyTorch and foolbox: `python -m benchmarks.peers` (extra `peers`).

The symmetric ReLU net with m = 4 d, from the same weights, on the same batches and with the same settings on both
sides: weights after a few steps, and margins after the attack, are compared before anything is timed.

  clean, FGM  a training step without an adversary and with FGM in ℓ2. Ours is `training.loop.train_step`, the step of
              `run_steps`, scanned over batches that are given: each goes in as a fixed sample as large as the batch,
              which the step still shuffles. Drawing batches counts on neither side.
  PGD         a descent of a few steps in ℓ2 from the points themselves, the best point kept. Ours is
              `attacks.gradient.descend`, which `PGD` runs from its own starts; foolbox keeps the last point.

Our seeds run as the sweep and `worst_case` run them; PyTorch's run in a loop, or at once under vmap. A ratio is a
peer's time over ours, the median over rounds in which all sides take turns. Products are in full float32 everywhere.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.in_jax import BATCH, PGD_STEPS, STEP_FRACTION, STEPS, attacked, drawn, trained, training
from purifyjax.commands.arguments import parse, require_count
from purifyjax.commands.ending import computing, run
from purifyjax.commands.numerics import configured
from purifyjax.errors import ConfigError, require
from purifyjax.seeds import cores
from purifyjax.sweep import seed_keys
from purifyjax.training import initial_state

OURS = "ours"
PEERS = ("eager", "compile", "vmap", "vmap+compile", "foolbox")
TOLERANCE = 1e-4
Run = Callable[[], Any]


@dataclass(frozen=True)
class Options:
    """Compare training steps and attacks with PyTorch and foolbox."""

    dimensions: tuple[int, ...] = (256, 1024, 2048)
    """Dimensions d of the inputs; the nets have 4 d neurons."""
    seeds: tuple[int, ...] = (1, 8)
    """Numbers of seeds, each a net of its own."""
    rounds: int = 5
    """Rounds in which all sides are timed in turn."""


class Case(NamedTuple):
    """What is timed: ours, peers by name, and how far a peer's outcome is from ours in relative terms."""

    what: str
    repeats: int
    ours: Run
    peers: dict[str, Callable[[], Run]]
    distance: Callable[[str, Any, Any], float]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    return run(lambda: _main(arguments), kept="nothing is kept")


def _main(arguments: list[str] | None) -> int:
    options = parse(Options, arguments, "python -m benchmarks.peers")
    for d in options.dimensions:
        require(2 <= d <= 2**14, "--dimensions", d, "whole numbers from 2 to 16384")
    for seeds in options.seeds:
        require_count("--seeds", seeds)
    require_count("--rounds", options.rounds)
    with computing(), configured({"jax_default_matmul_precision": "highest"}):
        return compare(options)


def device() -> str:
    """PyTorch's name of the device that both sides compute on; `ConfigError` without PyTorch."""
    try:
        import torch  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ConfigError(f"PyTorch does not start ({error}): install the extra, pip install -e '.[peers]'") from None
    torch.set_num_threads(cores())
    if jax.default_backend() == "cpu":
        return "cpu"
    require(
        torch.cuda.is_available(), "device", jax.default_backend(), "one that PyTorch sees too, or JAX_PLATFORMS=cpu"
    )
    return "cuda"


def cases(d: int, seeds: int, device: str) -> Iterator[Case]:
    """The steps and the attack, on nets of some seeds."""
    from benchmarks import in_torch as peer

    config = training(d)
    keys = seed_keys(jnp.arange(seeds))
    points = drawn(keys, (STEPS, BATCH), config.data)
    states = jax.vmap(lambda key: initial_state(key, config))(keys)
    ways = {name: way for name, way in peer.VARIANTS.items() if seeds > 1 or not way.vmapped}
    given = [peer.tensor(array, device) for array in (states.weight, *points)]

    def of_weights(name, ours, theirs):
        # The median over neurons: rounding wakes or silences one at a point in a million, which then learns otherwise.
        start, own, other = np.asarray(states.weight), np.asarray(ours.weight), theirs[0].cpu().numpy()
        off = np.linalg.norm(other - own, axis=2) / np.linalg.norm(own - start, axis=2)
        return float(np.max(np.median(off, axis=1)))

    peers: dict[str, Any]
    for what, phase in (("clean step", config.clean[0]), ("FGM step", config.robust[0])):
        peers = {name: partial(peer.training, way, config, phase, *given) for name, way in ways.items()}
        yield Case(what, STEPS, partial(trained, states, points, config, phase), peers, of_weights)

    nets = trained(states, points, config, config.robust[0])
    x, y, radius = points.x[:, -1], points.y[:, -1], config.robust[0].radius
    net_and_points = [peer.tensor(array, device) for array in (nets.weight, nets.threshold, x, y)]
    settings = (radius, PGD_STEPS, STEP_FRACTION, *net_and_points)

    def of_margins(name, ours, theirs):
        weight, threshold, start, labels = net_and_points
        own, attacked = np.asarray(ours.margin), start + theirs[0]
        if name == "foolbox":  # the last point: compared with PyTorch's own last, whose best is compared with ours
            own, attacked = peer.attack(peer.VARIANTS["eager"], *settings)()[2].cpu().numpy(), theirs[0]
        off = peer.margins(weight, threshold, attacked, labels).cpu().numpy() - own
        return float(np.max(np.linalg.norm(off, axis=1) / np.linalg.norm(own, axis=1)))

    peers = {name: partial(peer.attack, way, *settings) for name, way in ways.items()}
    peers["foolbox"] = partial(peer.foolbox_attack, *settings)
    yield Case(f"PGD-{PGD_STEPS}", 1, partial(attacked, nets, x, y, config, radius), peers, of_margins)


def agreeing(case: Case) -> tuple[dict[str, Run], dict[str, str], float]:
    """All sides that run, why the others do not, and the peers' largest distance from ours.

    Raises:
      RuntimeError: a peer computes something else.
    """
    from benchmarks.in_torch import finished

    ours = case.ours()
    runs: dict[str, Run] = {OURS: lambda: jax.block_until_ready(case.ours())}
    reasons, largest = {}, 0.0
    for name, prepare in case.peers.items():
        try:
            peer = prepare()
            theirs = finished(peer())
        except Exception as error:  # a compiler that is missing, say, has errors of its own
            reasons[name] = f"{type(error).__name__}: {error}".splitlines()[0][:160]
            continue
        off = case.distance(name, ours, theirs)
        if not off <= TOLERANCE:
            raise RuntimeError(
                f"{case.what}: {name} and ours differ by {off:.2g} of their size, more than rounding does "
                f"({TOLERANCE:g}): they do not compute the same, and their times say nothing"
            )
        largest = max(largest, off)
        runs[name] = lambda peer=peer: finished(peer())
    return runs, reasons, largest


def timed(runs: dict[str, Run], rounds: int) -> dict[str, np.ndarray]:
    """Seconds of every side in every round; they take turns within a round."""
    times = {name: [] for name in runs}
    for _ in range(rounds):
        for name, side in runs.items():
            start = time.perf_counter()
            side()
            times[name].append(time.perf_counter() - start)
    return {name: np.array(values) for name, values in times.items()}


def compare(options: Options) -> int:
    """Print the table; the exit status."""
    on = device()
    import torch  # pyright: ignore[reportMissingImports]

    kind = jax.devices()[0].device_kind if on == "cuda" else f"CPU of {cores()} cores"
    print(f"{kind}, jax {jax.__version__}, torch {torch.__version__}: m = 4 d, batch {BATCH}")
    print("ms: of ours, a step or an attack of all seeds; others: their time over ours")
    print(f"{'what':<12}{'d':>6}{'seeds':>7}{'ms':>10}" + "".join(f"{name:>14}" for name in PEERS))
    largest, missing = 0.0, {}
    for d, seeds in itertools.product(options.dimensions, options.seeds):
        torch.compiler.reset()  # it compiles one function for a few shapes only
        for case in cases(d, seeds, on):
            runs, reasons, off = agreeing(case)
            largest, missing = max(largest, off), missing | reasons
            times = timed(runs, options.rounds)
            ratios = {name: f"{np.median(times[name] / times[OURS]):.2f}" for name in runs}
            ms = 1e3 * np.median(times[OURS]) / case.repeats
            cells = "".join(f"{ratios.get(name, '–'):>14}" for name in PEERS)
            print(f"{case.what:<12}{d:>6}{seeds:>7}{ms:>10.2f}{cells}", flush=True)
    for name, reason in missing.items():
        print(f"{name} not available: {reason}")
    print(f"All agree, up to {largest:.1g} of a neuron's change or of the margins.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

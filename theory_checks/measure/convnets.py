"""What adversarial training does to convolutional nets: angles of filters, sparse reconstruction, pictures, ranks."""

from __future__ import annotations

from functools import partial
from itertools import product

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from purifyjax import attacks
from purifyjax.analysis import angles, maximising_inputs, reconstruction_errors
from purifyjax.attacks import Ball
from purifyjax.attacks.worst_case import Attack, MarginOf
from purifyjax.data.images import Rows
from purifyjax.models import filters
from purifyjax.training import ClassifierState, margin_of_classifier
from theory_checks.evidence import Evidence
from theory_checks.experiments import ImageTask
from theory_checks.measure.networks import EVALUATION, Tick
from theory_checks.measure.pictures import pictures

INITIAL, CLEAN, ROBUST, SCRATCH = "initial", "clean", "robust", "scratch"
PAIRS = {
    "init-clean": (INITIAL, CLEAN),
    "init-robust": (INITIAL, ROBUST),
    "clean-robust": (CLEAN, ROBUST),
    "init-scratch": (INITIAL, SCRATCH),
    "clean-scratch": (CLEAN, SCRATCH),
}
ATOMS = (1, 2, 3, 4, 6, 8, 12, 16)
SIGNALS = 100  # images, and perturbations, that are rebuilt from filters
SHOWN = 12
CHUNK = 256
_HIGHEST = jax.lax.Precision.HIGHEST
_SUITE: dict[str, Attack] = {"PGD": partial(attacks.pgd, steps=20), "APGD": partial(attacks.apgd, steps=15, restarts=2)}

Nets = dict[str, ClassifierState]
Standing = dict[str, tuple[np.ndarray, np.ndarray]]  # of every net, points right and right under attack [seed, n]


def measure(task: ImageTask, rows: Rows, seeds: np.ndarray, nets: Nets, tick: Tick) -> Evidence:
    """Everything that the claims look at, for nets of all seeds on the same test images."""
    network = task.network(rows.shape, rows.classes, _HIGHEST)
    of = margin_of_classifier(network)
    ball = Ball(dict(task.radii)["l2"])
    some = (rows.test_x[: task.attacked_points], rows.test_y[: task.attacked_points])
    x, y = (jnp.broadcast_to(values, (len(seeds), *values.shape)) for values in some)
    accuracies, standing, warnings = _accuracies(task, seeds, nets, of, x, y, ball, tick)
    found = {net: _perturbations(of, nets[net], x, y, ball) for net in (CLEAN, ROBUST)}
    tick(1)
    return Evidence(
        experiment=task.name,
        config={"norm": "l2", "attack_warnings": warnings},
        radius=float(ball.radius),
        image_robustness=accuracies,
        ranks=_ranks(task, seeds, nets, standing),
        angles=_angles(task, seeds, nets),
        sparsity=_sparsity(task, rows, seeds, nets, found, tick),
        pictures=_pictures(task, rows, int(seeds[0]), nets, network, found),
    )


def ticks(task: ImageTask) -> int:
    """The sum of what `measure` tells its `tick`."""
    return len(task.nets) + 1 + (task.seeds if task.purpose == "filters" else 0)


def _accuracies(task, seeds, nets, of, x, y, ball, tick) -> tuple[pd.DataFrame, Standing, list[str]]:
    """How many test images each net gets right, and right under the worst case of all attacks; and which ones."""
    rows, standing, warnings = [], {}, []
    for net in task.nets:
        run = partial(attacks.worst_case, jax.random.key(EVALUATION), of, nets[net.name], x, y, chunk=CHUNK)
        clean, worst = run(Ball(0.0), {}), run(ball, _SUITE)
        standing[net.name] = clean.standing, worst.standing
        warnings += [f"{net.name} net: {text}" for text in worst.warnings]
        for attack, radius, found in (("none", 0.0, clean), ("worst", ball.radius, worst)):
            for seed, row in zip(seeds, found.standing, strict=True):
                head = {"experiment": task.name, "seed": int(seed), "net": net.name, "attack": attack}
                rows.append(head | {"radius": radius, "correct": int(row.sum()), "points": row.size})
        tick(1)
    return pd.DataFrame(rows), standing, warnings


def _ranks(task: ImageTask, seeds: np.ndarray, nets: Nets, standing: Standing) -> pd.DataFrame:
    """Accuracies by the rank of the update of the clean net; 0 is that net itself. Empty for a task without ranks."""
    bounded = {net.name: net.rank for net in task.nets if net.rank}
    full = max(min(leaf.shape[-2:]) for leaf in filters(nets[CLEAN].params).values())
    frames = []
    for name, rank in ({CLEAN: 0} | bounded | {ROBUST: full}).items() if bounded else ():
        clean, robust = standing[name]
        lost = standing[ROBUST][1] & ~robust
        counts = {"clean": clean.sum(axis=1), "robust": robust.sum(axis=1), "lost": lost.sum(axis=1)}
        head = {"experiment": task.name, "seed": seeds, "net": task.architecture, "rank": rank, "full": name == ROBUST}
        frames.append(pd.DataFrame(head | counts | {"points": clean.shape[1]}))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _angles(task: ImageTask, seeds: np.ndarray, nets: Nets) -> pd.DataFrame:
    of_nets = {name: filters(nets[name].params) for name in (INITIAL, CLEAN, ROBUST, SCRATCH)}
    frames = []
    for pair, layer in product(PAIRS, of_nets[INITIAL]):
        a, b = (np.asarray(of_nets[name][layer]) for name in PAIRS[pair])
        found = angles(a, b)
        seed, index = (axis.ravel() for axis in np.indices(found.shape))
        columns = {"seed": seeds[seed], "filter": index, "angle": found.ravel()}
        frames.append(pd.DataFrame({"layer": layer, "pair": pair} | columns))
    return pd.concat(frames, ignore_index=True).assign(experiment=task.name, architecture=task.architecture)


def _perturbations(of: MarginOf, state: ClassifierState, x: jax.Array, y: jax.Array, ball: Ball) -> np.ndarray:
    """The strongest perturbations [seed, n, dim] of the first test images."""

    @jax.jit
    def run(state, x, y):
        def one(args):
            state, x, y = args
            return attacks.pgd(jax.random.key(EVALUATION), of(state), x, y, ball, steps=20).perturbation

        return jax.lax.map(one, (state, x, y))

    return np.asarray(run(state, x[:, :SIGNALS], y[:, :SIGNALS]))


def _sparsity(task, rows: Rows, seeds, nets: Nets, found: dict[str, np.ndarray], tick) -> pd.DataFrame:
    """Relative errors of images and perturbations, rebuilt from a few first-layer filters."""
    if task.purpose != "filters":
        return pd.DataFrame()
    frames = []
    for s, seed in enumerate(seeds):
        signals = {"images": rows.test_x[:SIGNALS]}
        signals |= {f"perturbations of the {net} net": deltas[s] for net, deltas in found.items()}
        for net in (INITIAL, CLEAN, ROBUST, SCRATCH):
            first = np.asarray(next(iter(filters(nets[net].params).values())))[s]
            size = round((first.shape[1] / rows.shape[2]) ** 0.5)
            for signal, values in signals.items():
                errors = reconstruction_errors(values.reshape(-1, *rows.shape), first, size, ATOMS)
                point, atoms = (axis.ravel() for axis in np.indices(errors.shape))
                columns = {"point": point, "atoms": np.array(ATOMS)[atoms], "error": errors.ravel()}
                frames.append(pd.DataFrame({"seed": int(seed), "filters": net, "signal": signal} | columns))
        tick(1)
    return pd.concat(frames, ignore_index=True).assign(experiment=task.name)


def _pictures(task, rows: Rows, seed: int, nets: Nets, network: nn.Module, found: dict[str, np.ndarray]):
    """Of the first seed: filters of the first layer, inputs that excite deeper neurons most, perturbations."""
    if task.purpose != "filters":
        return pd.DataFrame()
    frames = []
    for net in (INITIAL, CLEAN, ROBUST):
        first = np.asarray(next(iter(filters(nets[net].params).values())))[0][:SHOWN]
        size = round((first.shape[1] / rows.shape[2]) ** 0.5)
        frames.append(pictures("filters", f"{net} net", first.reshape(-1, size, size, rows.shape[2]), seed))
    for net in (CLEAN, ROBUST):
        excited = _maximisers(network, jax.tree.map(lambda leaf: leaf[0], nets[net]), rows)
        frames.append(pictures("maximisers", f"{net} net", excited.reshape(-1, *rows.shape), seed))
    frames.append(pictures("perturbations", "image", rows.pixels(rows.test_x[:SHOWN]), seed, signed=False))
    for net, deltas in found.items():
        moves = deltas[0, :SHOWN].reshape(-1, *rows.shape)
        frames.append(pictures("perturbations", f"perturbation of the {net} net", moves, seed))
    return pd.concat(frames, ignore_index=True)


def _maximisers(network: nn.Module, state: ClassifierState, rows: Rows) -> np.ndarray:
    """Inputs of the images' usual length that excite neurons of the second layer most, at the centre of the image."""
    variables = {"params": state.params, **state.collections}

    def activations(x):
        _, kept = network.apply(variables, x, capture_intermediates=lambda m, _: isinstance(m, nn.Dense))
        second = list(jax.tree.leaves(kept["intermediates"]))[1]
        height, width = second.shape[1:3]
        return second[:, height // 2, width // 2, :SHOWN]

    radius = float(np.linalg.norm(rows.test_x, axis=1).mean())
    return np.asarray(maximising_inputs(jax.random.key(EVALUATION), activations, rows.test_x.shape[1], radius))

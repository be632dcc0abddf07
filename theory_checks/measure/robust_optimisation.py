"""Robust-optimisation training on images: what every net gets right, under every attack, and what training costs."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from purifyjax import attacks
from purifyjax.attacks import Ball
from purifyjax.attacks.balls import Norm
from purifyjax.attacks.worst_case import Attack, MarginOf
from purifyjax.cores import take
from purifyjax.data.images import Rows
from purifyjax.training import ClassifierState, classifier_steps, logits, margin_of_classifier, restarted
from theory_checks.evidence import Evidence
from theory_checks.experiments import ImageTask
from theory_checks.measure.networks import EVALUATION, Tick
from theory_checks.measure.pictures import pictures

CURVE = (0.5, 1.0, 1.5, 2.0)  # radii of the curves, in units of ε
BASELINE, OTHER = "baseline", "other baseline"
COST_STEPS, COST_REPEATS = 20, 9
PICTURES = 10
CHUNK = 256
_HIGHEST = jax.lax.Precision.HIGHEST
# Kept, since every attack compiles once for each of its norms.
_ONE_STEP: dict[str, Attack] = {"one-step": attacks.fgm}
_PGD: dict[str, Attack] = {"PGD": partial(attacks.pgd, steps=20)}
_STRONGEST: dict[str, Attack] = {"APGD": partial(attacks.apgd, steps=15, restarts=2)}
_CURVES: dict[str, Attack] = {"one-step": attacks.fgm, "PGD": partial(attacks.pgd, steps=10)}

Nets = dict[str, ClassifierState]


def measure(task: ImageTask, rows: Rows, seeds: np.ndarray, nets: Nets, tick: Tick) -> Evidence:
    """Everything that the claims look at, for nets of all seeds on the same test images."""
    network = task.network(rows.shape, rows.classes, _HIGHEST)
    of = margin_of_classifier(network)
    judged = {net.name: nets[net.name] for net in task.nets}
    x, y = (jnp.broadcast_to(v, (len(seeds), *v.shape)) for v in (rows.test_x, rows.test_y))
    some, few = np.s_[:, : task.attacked_points], np.s_[:, : task.curve_points]
    outcomes = [_clean(seeds, name, state, of, x, y) for name, state in judged.items()]
    attacked, warnings = _attacked(task, seeds, judged, of, x[some], y[some], tick)
    found = collection(task, nets[BASELINE], of, x[some], y[some])
    tick(len(task.radii))
    outcomes += attacked + _collected(seeds, judged, of, found, y[some])
    return Evidence(
        experiment=task.name,
        config={"norm": "several", "radii": dict(task.radii), "attack_warnings": warnings},
        radius=dict(task.radii)["l2"],
        outcomes=pd.concat(outcomes, ignore_index=True).assign(experiment=task.name),
        image_robustness=_curves(task, seeds, judged, of, x[few], y[few], tick),
        costs=_costs(task, rows, nets["initial"], tick),
        pictures=_single_pixels(task, rows, int(seeds[0]), nets[BASELINE], network),
    )


def ticks(task: ImageTask) -> int:
    """The sum of what `measure` tells its `tick`."""
    judged = sum(len(_judged_in(task, net.name)) for net in task.nets)
    curves = len(task.nets) * len(task.radii) * len(_CURVES) * len(CURVE)
    return 3 * judged + len(task.radii) + curves + COST_REPEATS


def _rows(seeds: np.ndarray, net: str, attack: str, radius: float, standing: np.ndarray, **more: Any) -> pd.DataFrame:
    """A row a seed and point."""
    n = standing.shape[1]
    columns = {"seed": np.repeat(seeds, n), "point": np.tile(np.arange(n), len(seeds)), "right": standing.ravel()}
    return pd.DataFrame({"net": net, "attack": attack, "radius": radius} | columns | more)


def _clean(
    seeds: np.ndarray, name: str, state: ClassifierState, of: MarginOf, x: jax.Array, y: jax.Array
) -> pd.DataFrame:
    """A net on every test image."""
    standing = attacks.worst_case(jax.random.key(EVALUATION), of, state, x, y, Ball(0.0), {}).standing
    return _rows(seeds, name, "none", 0.0, standing)


def _attacked(
    task: ImageTask, seeds: np.ndarray, nets: Nets, of: MarginOf, x: jax.Array, y: jax.Array, tick: Tick
) -> tuple[list[pd.DataFrame], list[str]]:
    """Every net in its norms under each attack at ε, and under the worst of them."""
    frames, warnings = [], []
    for name, state in nets.items():
        run = partial(attacks.worst_case, jax.random.key(EVALUATION), of, state, x, y, chunk=CHUNK)
        clean = run(Ball(0.0), {}).standing
        for norm, radius in _judged_in(task, name):
            worst = clean
            for suite in (_ONE_STEP, _PGD, _STRONGEST):
                # The first two are told by themselves; the last sees what they left standing.
                found = run(Ball(radius, norm), suite, standing=worst if suite is _STRONGEST else clean)
                worst = worst & found.standing
                warnings += [f"{name} net, {norm}: {text}" for text in found.warnings]
                if suite is not _STRONGEST:
                    frames.append(_rows(seeds, name, f"{norm} {next(iter(suite))}", radius, found.standing))
                tick(1)
            frames.append(_rows(seeds, name, f"{norm} worst", radius, worst))
    return frames, warnings


def _judged_in(task: ImageTask, net: str) -> list[tuple[Norm, float]]:
    """The norms that the net was trained for; the baseline, which all others are compared with, in every norm."""
    return [(norm, radius) for norm, radius in task.radii if net == BASELINE or net.startswith(norm)]


def collection(
    task: ImageTask, baseline: ClassifierState, of: MarginOf, x: jax.Array, y: jax.Array
) -> dict[Norm, tuple[np.ndarray, np.ndarray]]:
    """Adversarial images on which the baseline scores zero, made from test images that it gets right.

    For every norm the smallest perturbation found, up to 4 ε, lengthened by 1% so that rounding keeps it across the
    boundary.

    Returns:
      For every norm the images [seed, n, dim], and which of them belong to the collection [seed, n].
    """
    found: dict[Norm, tuple[np.ndarray, np.ndarray]] = {}
    for norm, radius in task.radii:
        ball = Ball(4 * radius, norm)

        @jax.jit
        def attack(state, x, y, ball=ball):
            def one(args):
                state, x, y = args
                margin = of(state)
                smallest = attacks.minimal_norm(jax.random.key(EVALUATION), margin, x, y, ball, steps=20, bisections=12)
                moved = x + 1.01 * smallest.perturbation
                return moved, (margin(x, y) > 0) & (margin(moved, y) <= 0)

            return jax.lax.map(one, (state, x, y))

        moved, fooled = attack(baseline, x, y)
        found[norm] = np.asarray(moved), np.asarray(fooled)
    return found


def _collected(
    seeds: np.ndarray,
    nets: Nets,
    of: MarginOf,
    found: dict[Norm, tuple[np.ndarray, np.ndarray]],
    y: jax.Array,
) -> list[pd.DataFrame]:
    """Every net on the collection of its seed's baseline, and the next seed's baseline, which did not take part."""
    judged = nets | ({OTHER: take(np.roll(np.arange(len(seeds)), -1), nets[BASELINE])} if len(seeds) > 1 else {})
    frames = []
    for name, state in judged.items():
        run = partial(attacks.worst_case, jax.random.key(EVALUATION), of, state)
        for norm, (moved, fooled) in found.items():
            standing = run(jnp.asarray(moved), y, Ball(0.0), {}).standing
            frame = _rows(seeds, name, f"{norm} collection", np.nan, standing)
            frames.append(frame[fooled.ravel()])
    return frames


def _curves(task, seeds, nets, of, x, y, tick) -> pd.DataFrame:
    """How many images each net gets right under every attack at every radius."""
    rows = []
    for name, state in nets.items():
        run = partial(attacks.worst_case, jax.random.key(EVALUATION), of, state, x, y, chunk=CHUNK)
        clean = run(Ball(0.0), {}).standing
        for norm, radius in task.radii:
            for attack, function in _CURVES.items():
                for factor in (0.0, *CURVE):
                    ball = Ball(factor * radius, norm)
                    stands = clean if factor == 0 else run(ball, {attack: function}, standing=clean).standing
                    for seed, row in zip(seeds, stands, strict=True):
                        head = {"experiment": task.name, "seed": int(seed), "net": name, "attack": f"{norm} {attack}"}
                        rows.append(head | {"radius": ball.radius, "correct": int(row.sum()), "points": row.size})
                    if factor:
                        tick(1)
    return pd.DataFrame(rows)


def _costs(task: ImageTask, rows: Rows, initial: ClassifierState, tick: Tick) -> pd.DataFrame:
    """Time of the same steps with each one-step recipe over that of the baseline's, one seed, taken in turns."""
    network = task.network(rows.shape, rows.classes)
    state = restarted(jax.tree.map(lambda leaf: leaf[0], initial))
    x, y = jnp.asarray(rows.train_x), jnp.asarray(rows.train_y)

    def program(recipe):
        steps = partial(classifier_steps, network=network, recipe=recipe, first_step=recipe.clean_steps)
        return jax.jit(lambda state: steps(jax.random.key(0), state, x=x, y=y, steps=COST_STEPS))

    programs = {net.name: program(net.recipe) for net in task.nets if net.recipe.adversary in ("none", "fgm")}
    for run in programs.values():
        jax.block_until_ready(run(state))
    found = []
    for repeat in range(COST_REPEATS):
        seconds = {}
        for name, run in programs.items():
            start = time.perf_counter()
            jax.block_until_ready(run(state))
            seconds[name] = time.perf_counter() - start
        found += [
            {"net": name, "repeat": repeat, "ratio": spent / seconds[BASELINE]} for name, spent in seconds.items()
        ]
        tick(1)
    return pd.DataFrame(found)


def _single_pixels(task: ImageTask, rows: Rows, seed: int, baseline: ClassifierState, network) -> pd.DataFrame:
    """Test images that the baseline gets right until one entry changes, before and after."""
    state = jax.tree.map(lambda leaf: leaf[0], baseline)
    x, y = jnp.asarray(rows.test_x), jnp.asarray(rows.test_y)
    margin = margin_of_classifier(network)(state)
    ball = Ball(dict(task.radii)["l1"], "l1")
    attacked = attacks.fgm(jax.random.key(EVALUATION), margin, x, y, ball)
    flipped = np.flatnonzero((np.asarray(margin(x, y)) > 0) & (np.asarray(attacked.margin) <= 0))[:PICTURES]
    moved = x + attacked.perturbation
    answers = np.asarray(jnp.argmax(logits(network, state, moved), axis=1))
    captions = [f"{rows.test_y[row]} → {answers[row]}" for row in flipped]
    before, after = rows.pixels(rows.test_x[flipped]), rows.pixels(np.asarray(moved[flipped]))
    return pd.concat(
        [
            pictures("single pixels", "image", before, seed, signed=False),
            pictures("single pixels", "one entry changed", after, seed, captions, signed=False),
        ]
    )

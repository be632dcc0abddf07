"""Which component of real images a network uses, followed through standard and adversarial training."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from purifyjax.analysis.components import Components, components
from purifyjax.attacks import PGD, pgd
from purifyjax.balls import Ball
from purifyjax.commands.progress import Bar
from purifyjax.commands.progress import steps as progress
from purifyjax.data.images import Images
from purifyjax.errors import ConfigError, require
from purifyjax.models.conv import ConvNet
from purifyjax.seeds import each
from purifyjax.sweep import seed_keys, train_classifiers
from purifyjax.training import Recipe, initial_classifier, margin_of_classifier, validate_recipe
from theory_checks.experiment import Arrays
from theory_checks.measuring.points import EVALUATION, attack_key

# Measured every largest divisor up to 50, which is 8 steps.
STEPS = 424
MEASURES = ("clean", "robust_part", "nonrobust_part")
_TRAININGS = {"clean": "standard", "robust": "adversarial"}


class ImageFeatures(NamedTuple):
    """What was measured on test images.

    Attributes:
      curve: a row per seed, net ("clean": standard training, "robust": adversarial training) and step, with `loss`
        (mean since the last row, NaN at step 0), `accuracy` and `margin` (mean of F_y − max_{c ≠ y} F_c, in logits) on
        whole images, `robust_part`, `robust_margin` on their robust part alone, `nonrobust_part`, `nonrobust_margin` on
        the rest alone.
      accuracies: at the end, a row per seed, net and measure ("clean", "robust_part", "nonrobust_part", "pgd"), with
        `radius`, `correct` and `points`.
      parts: how images were split.
      diverged: (net, seed) of every training that diverged; these are in neither table.
    """

    curve: pd.DataFrame
    accuracies: pd.DataFrame
    parts: Components
    diverged: list[tuple[str, int]]


def image_features(
    images: Images,
    *,
    seeds: Sequence[int] | np.ndarray,
    radius: float,
    threshold: float | None = None,
    steps: int = STEPS,
    learning_rate: float = 0.1,
    batch_size: int = 64,
    adversary_steps: int = 5,
    samples: int = 10_000,
    points: int = 500,
    attack_steps: int = 20,
) -> ImageFeatures:
    """Train `ConvNet` on whole images, cleanly and against PGD, and ask it for the label of parts of test images.

    Both trainings of a seed start from the same weights and draw the same batches. Perturbations are in the ℓ2 ball
    and not clipped to [0, 1], as in the theory.

    Args:
      seeds: of weights and batches; the images are the same for all.
      radius: ε, of the adversary in training and of PGD at the end.
      threshold: of `components`; None splits the class energy in halves.
      steps: of each training. Measured every largest divisor of it up to 50.
      samples, points: how many training and test images, the first of a fixed random order.
      adversary_steps, attack_steps: of PGD in training, and at the end.

    Raises:
      ConfigError: a setting outside its range, or every training of a net diverged.
    """
    seeds = np.asarray(seeds)
    require(len(seeds) >= 1, "seeds", len(seeds), "at least one")
    require(radius > 0, "radius ε", radius, "ε > 0")
    require(samples >= 2 and points >= 1, "samples, points", (samples, points), "at least 2 and 1")
    train_x, train_y = _some(images.train_x, images.train_y, samples)
    test_x, test_y = _some(images.test_x, images.test_y, points)
    height, width, channel = images.train_x.shape[1:]
    network = ConvNet((height, width, channel), images.classes)
    exact = network.clone(precision=jax.lax.Precision.HIGHEST)
    clean = Recipe(steps=steps, learning_rate=learning_rate, batch_size=min(batch_size, len(train_x)))
    robust = clean.replace(adversary=PGD.for_training(adversary_steps), radius=radius)
    validate_recipe(robust, len(train_x))
    parts = components(train_x, train_y, threshold)
    views = jnp.asarray(np.stack([test_x, parts.robust_part(test_x), parts.nonrobust_part(test_x)]))
    keys = jax.vmap(lambda key: jax.random.split(key))(seed_keys(seeds))
    x, y = (jnp.broadcast_to(values, (len(seeds), *values.shape)) for values in (train_x, train_y))

    curves: list[pd.DataFrame] = []
    rows: list[dict[str, Any]] = []
    diverged: list[tuple[str, int]] = []
    for net, recipe in (("clean", clean), ("robust", robust)):
        states = _start(keys[:, 0], network, x[0, :1])
        monitor = partial(_monitor, exact, views, test_y)
        before = {"step": np.array([0]), "loss": np.full((1, len(seeds)), np.nan)}
        before |= {name: value[None] for name, value in monitor(states).items()}
        with progress(f"{images.name}: {_TRAININGS[net]} training, {len(seeds)} seeds", recipe.steps) as bar:
            options: dict[str, Any] = {"monitor": monitor, "progress": partial(_report, bar)}
            found = train_classifiers(keys[:, 1], states, network, recipe, x, y, **options)
        history = {name: np.concatenate([before[name], found.history[name]]) for name in before}
        healthy = np.isfinite(history["loss"][1:]).all(axis=0) & np.isfinite(history["margin"]).all(axis=0)
        if not healthy.any():
            raise ConfigError(f"{net} training diverged for every seed: lower learning_rate = {learning_rate!r}")
        kept = [int(s) for s in np.flatnonzero(healthy)]
        diverged += [(net, int(seed)) for seed in np.asarray(seeds)[~healthy]]
        curves += [_curve(net, seeds, history, s) for s in kept]
        right = np.asarray(_standing(found.state, exact, views, test_y, Ball(radius), attack_steps))
        for s in kept:
            for measure, row in zip((*MEASURES, "pgd"), right[s], strict=True):
                head = {"seed": int(seeds[s]), "net": net, "measure": measure}
                at = radius if measure == "pgd" else 0.0
                rows.append(head | {"radius": at, "correct": int(row.sum()), "points": row.size})
    return ImageFeatures(pd.concat(curves, ignore_index=True), pd.DataFrame(rows), parts, diverged)


def _some(x: np.ndarray, y: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """At most so many images, as rows."""
    rows = np.arange(len(x)) if len(x) <= most else np.random.default_rng(EVALUATION).permutation(len(x))[:most]
    return x[rows].reshape(len(rows), -1), y[rows]


@partial(jax.jit, static_argnames="network")
def _start(keys, network, x):
    """Every seed's untrained network; training consumes it, so each begins with its own."""
    return jax.lax.map(lambda key: initial_classifier(key, network, x), keys)


@partial(jax.jit, static_argnames="network")
def _margins(states, network, views, y):
    """Margins [seed, view, n] of whole images, robust parts and non-robust parts."""

    def one(state):
        margin = margin_of_classifier(network)(state)
        return jax.lax.map(lambda x: margin(x, y), views)

    return each(one, states)


@partial(jax.jit, static_argnames=("network", "steps"))
def _standing(states, network, views, y, ball, steps):
    """Whether points are right [seed, measure, n]: in the three views, and as whole images under PGD."""

    def one(state):
        margin = margin_of_classifier(network)(state)
        right = jax.lax.map(lambda x: margin(x, y), views) > 0
        attacked = pgd(attack_key(), margin, views[0], y, ball, steps=steps).margin > 0
        return jnp.concatenate([right, (right[0] & attacked)[None]])

    return each(one, states)


def _report(bar: Bar, done: int, loss: float) -> None:
    bar.update(done, loss=f"{loss:.3f}")


def _monitor(network, views, y, states) -> Arrays:
    margins = np.asarray(_margins(states, network, views, y))
    accuracy, margin = np.mean(margins > 0, axis=2).T, np.mean(margins, axis=2).T
    names = (("accuracy", "margin"), ("robust_part", "robust_margin"), ("nonrobust_part", "nonrobust_margin"))
    return {
        name: value[i] for i, pair in enumerate(names) for name, value in zip(pair, (accuracy, margin), strict=True)
    }


def _curve(net: str, seeds: np.ndarray, history: Arrays, s: int) -> pd.DataFrame:
    """One seed's rows."""
    columns = {name: values if name == "step" else values[:, s] for name, values in history.items()}
    return pd.DataFrame({"seed": int(seeds[s]), "net": net, **columns})

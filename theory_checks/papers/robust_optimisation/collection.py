"""A collection of adversarial images on which the baseline scores zero, and who gets them right."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from purifyjax.attacks import minimal_norm
from purifyjax.balls import Ball, Norm
from purifyjax.margins import MarginOf
from purifyjax.seeds import each, over_seeds, take
from purifyjax.training import ClassifierState
from theory_checks.experiment import Arrays, Seeds
from theory_checks.measuring.points import attack_key
from theory_checks.papers.robust_optimisation import config as settings
from theory_checks.papers.robust_optimisation.config import OTHER, RobustOptimisationConfig
from theory_checks.papers.robust_optimisation.measure import outcome_rows, right_on
from theory_checks.spans import span


class Collected(NamedTuple):
    """The collection of a norm.

    Attributes:
      images: [seed, n, dim], adversarial versions of the first test images.
      belongs: [seed, n], which of them fool the baseline that gets the image itself right.
    """

    images: np.ndarray
    belongs: np.ndarray


@span("attack")
def collection(
    config: RobustOptimisationConfig, baseline: ClassifierState, x: jax.Array, y: jax.Array
) -> dict[Norm, Collected]:
    """Adversarial images on which the baseline scores zero, made from test images that it gets right.

    For every norm the smallest perturbation found.
    """
    of, how = config.margin_of, config.collection
    return {
        norm: Collected(*map(np.asarray, _smallest(of, ball, how, baseline, x, y)))
        for norm, ball in config.reaches.items()
    }


def _smallest(of: MarginOf, ball: Ball, how: settings.Collection, baseline: ClassifierState, x, y):
    @jax.jit
    def run(state, x, y):
        def one(args):
            state, x, y = args
            margin = of(state)
            search = partial(minimal_norm, attack_key(), steps=how.steps, bisections=how.bisections)
            moved = x + how.lengthening * search(margin, x, y, ball).perturbation
            return moved, (margin(x, y) > 0) & (margin(moved, y) <= 0)

        return each(one, (state, x, y))

    return over_seeds(run, (baseline, x, y))


def collected(
    config: RobustOptimisationConfig, seeds: Seeds, nets: Mapping[str, ClassifierState], found: Mapping[Norm, Collected]
) -> list[pd.DataFrame]:
    """Nets on the collections of their seeds: rows of `OUTCOMES`."""
    _, y = config.test_images(seeds, config.attacked_points)
    frames = []
    for name, state in nets.items():
        for norm, (images, belongs) in found.items():
            right = right_on(config.margin_of, state, jnp.asarray(images), y)
            frame = outcome_rows(config.name, seeds, name, f"{norm} collection", np.nan, right)
            frames.append(frame[belongs.ravel()])
    return frames


def by_others(
    config: RobustOptimisationConfig, seeds: Seeds, baseline: ClassifierState, found: Mapping[Norm, Collected]
) -> list[pd.DataFrame]:
    """The next seed's baseline, which did not take part, on every collection; nothing for a single seed."""
    if len(seeds) < 2:
        return []
    return collected(config, seeds, {OTHER: take(np.roll(np.arange(len(seeds)), -1), baseline)}, found)


def as_arrays(found: Mapping[Norm, Collected]) -> Arrays:
    """Collections as named arrays; `from_arrays` undoes it."""
    return {f"{norm} {name}": getattr(own, name) for norm, own in found.items() for name in Collected._fields}


def from_arrays(config: RobustOptimisationConfig, arrays: Arrays) -> dict[Norm, Collected]:
    """The collections of all norms."""
    return {norm: Collected(*(arrays[f"{norm} {name}"] for name in Collected._fields)) for norm, _ in config.radii}

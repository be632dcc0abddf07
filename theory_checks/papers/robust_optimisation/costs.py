"""What one seed is enough for: the time of training steps, and images that one changed entry turns."""

from __future__ import annotations

import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from purifyjax.attacks import FGM
from purifyjax.balls import Ball
from purifyjax.commands.progress import Progress
from purifyjax.seeds import alone
from purifyjax.training import ClassifierState, Recipe, classifier_steps, logits, margin_of_classifier, restarted
from theory_checks.measuring.pictures import pictures
from theory_checks.measuring.points import attack_key
from theory_checks.papers.robust_optimisation.config import BASELINE, RobustOptimisationConfig
from theory_checks.papers.robust_optimisation.tables import COSTS


def costs(config: RobustOptimisationConfig, initial: ClassifierState, progress: Progress) -> pd.DataFrame:
    """Time of the same steps with each one-step recipe over that of the baseline's, taken in turns.

    Args:
      initial: the untrained net of one seed.
    """
    network, rows = config.network(), config.rows
    state = restarted(initial)
    x, y = jnp.asarray(rows.train_x), jnp.asarray(rows.train_y)

    def program(recipe: Recipe):
        steps = partial(classifier_steps, network=network, recipe=recipe, first_step=recipe.clean_steps)
        return jax.jit(lambda state: steps(jax.random.key(0), state, x=x, y=y, steps=config.timing.steps))

    timed = {net.name: net.recipe for net in config.nets if isinstance(net.recipe.adversary, FGM | None)}
    programs = {name: program(recipe) for name, recipe in timed.items()}
    for run in programs.values():
        jax.block_until_ready(run(state))
    found = []
    for repeat in progress.over(range(config.timing.repeats)):
        seconds = {}
        with alone():  # what runs beside it would be measured too
            for name, run in programs.items():
                start = time.perf_counter()
                jax.block_until_ready(run(state))
                seconds[name] = time.perf_counter() - start
        found += [(name, repeat, spent / seconds[BASELINE]) for name, spent in seconds.items()]
    return pd.DataFrame(found, columns=list(COSTS.columns))


def single_pixels(config: RobustOptimisationConfig, seed: int, baseline: ClassifierState) -> pd.DataFrame:
    """Test images that one seed's baseline gets right until one entry changes, before and after."""
    network, rows = config.network(jax.lax.Precision.HIGHEST), config.rows
    x, y = jnp.asarray(rows.test_x), jnp.asarray(rows.test_y)
    margin = margin_of_classifier(network)(baseline)
    attacked = FGM()(attack_key(), margin, x, y, Ball(dict(config.radii)["l1"], "l1"))
    flipped = np.flatnonzero((np.asarray(margin(x, y)) > 0) & (np.asarray(attacked.margin) <= 0))[: config.pictures]
    moved = x + attacked.perturbation
    answers = np.asarray(jnp.argmax(logits(network, baseline, moved), axis=1))
    captions = [f"{rows.test_y[row]} → {answers[row]}" for row in flipped]
    before, after = rows.pixels(rows.test_x[flipped]), rows.pixels(np.asarray(moved[flipped]))
    shown = partial(pictures, config.name, "single pixels", seed=seed, signed=False)
    return pd.concat([shown("image", before), shown("one entry changed", after, captions=captions)], ignore_index=True)

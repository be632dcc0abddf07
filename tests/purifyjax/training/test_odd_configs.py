"""Random configs with odd and extreme fields: refused in a sentence, or run to finite numbers, or told as diverged."""

from __future__ import annotations

import gzip
import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.attacks import FGM
from purifyjax.balls import Ball
from purifyjax.data import Patches, SparseCoding, patch_features, sample, sample_patches, validate_patches
from purifyjax.data.images import load
from purifyjax.errors import ConfigError
from purifyjax.models import Linear, NetMargin, PatchCNN
from purifyjax.training import (
    Augmentation,
    Phase,
    Recipe,
    Training,
    classifier_steps,
    diverged,
    fit,
    initial_classifier,
    restarted,
    train,
    validate,
    validate_recipe,
)
from tests.purifyjax.data.image_files import CIFAR_FILES, MNIST_FILES, WHOLE, write

ODD: list[Any] = [
    *(None, "odd", "L1", 2, 0, -1, 1.5, -0.5, True, 1j, 10**30, math.nan, math.inf, -math.inf, 1e39, 1e-50),
    *([], (), [1.0], {}, object, np.float64("nan"), np.int64(-3), np.array([1.0, -1.0]), b"odd"),
]
# Allowed for most traced fields, up to where float32 ends, and for those that have other bounds.
EXTREME = [0.0, 1e-37, 1e-10, 1.0, 1e10, 1e30, 9e36]
BOUNDED = {
    "value_max": [1.0, 1.4],
    "margin": [0.0, 1e-30, 0.9],
    "spike_noise": [0.0, 1.0],
    **dict.fromkeys(["label_spread", "spread", "momentum"], [0.0, 1e-30, 0.99]),
}
PHASES = [
    Phase(2, 4, 0.1, threshold=0.5),
    Phase(1, 4, 0.1, 0.01, "cosine", 6, "uniform", 0.1, 0.2, FGM(), "linf", 0.1, 0.01, 0.01, 0.01),
]
CODES = [
    SparseCoding(dimension=6, sparsity=2, value_max=1.2),
    SparseCoding(dimension=6, sparsity=2, value_max=1.2, margin=0.3, dictionary="random", noise=0.1, spike_noise=0.1),
]
RUNS = [
    Training(CODES[0], 3, (PHASES[0],), (PHASES[0],), rank=2),
    Training(CODES[1], 3, (PHASES[1],), (), optimizer="adam"),
]
SETS = [Patches(patches=2, dimension=4), Patches(patches=2, dimension=4, noise=0.1, spread=0.2, noise_space="full")]
NET, FEATURES, KEY = PatchCNN(2, 2, 2), 8, jax.random.key(0)
X, Y = jax.random.normal(KEY, (5, FEATURES)), jnp.arange(5) % 2
RECIPES = [
    Recipe(2, 0.1),
    Recipe(1, 0.1, 3, 0.5, 1.0, 0.01, FGM(), 0.1, "l1", 2, 1, 1, Augmentation((2, 4, 1), 1, True)),
]
START = Linear().init(KEY, X)["params"]

run_training = jax.jit(train)
run_recipe = jax.jit(
    lambda state, recipe: classifier_steps(KEY, state, NET, recipe, X, Y, 0, 1),
)


def changed(rng: random.Random, config: Any, static: tuple[str, ...], traced: tuple[str, ...], odd: float) -> Any:
    """The config with some fields odd, or extreme; kept programs apart from that, since optional fields stay there."""
    changes = {}
    for name in (*static, *traced):
        if rng.random() < odd:
            changes[name] = rng.choice(ODD)
        elif name in traced and getattr(config, name) is not None and rng.random() < 0.3:
            changes[name] = rng.choice(BOUNDED.get(name, EXTREME))
    return replace(config, **changes)


_CODES = (
    ("dimension", "sparsity", "nonzero_rate", "atom_rate", "dictionary", "instance_seed"),
    ("value_max", "margin", "label_spread", "noise", "spike_noise"),
)
_PHASES = (
    ("steps", "batch_size", "decay", "sample_size", "threshold_rule", "adversary", "norm"),
    (
        *("learning_rate", "learning_rate_end", "threshold", "threshold_end", "radius"),
        *("weight_decay", "cubic_decay", "smoothing"),
    ),
)


def a_training(rng: random.Random) -> bool:
    run = rng.choice(RUNS)
    odd = rng.choice([0.0, 0.02, 0.1])
    data = changed(rng, run.data, *_CODES, odd)
    stages = {name: tuple(changed(rng, p, *_PHASES, odd) for p in getattr(run, name)) for name in ("clean", "robust")}
    config = changed(
        rng, run.replace(data=data, **stages), ("neurons", "optimizer", "rank"), ("init_scale", "momentum"), odd
    )
    if rng.random() < odd:
        config = config.replace(**{rng.choice(["data", "clean", "robust"]): rng.choice(ODD)})
    validate(config)
    found = run_training(KEY, config)
    return told(found, bool(found.diverged))


def a_classifier(rng: random.Random) -> bool:
    static = ("steps", "batch_size", "adversary", "norm", "parts", "rank", "augmentation")
    traced = ("learning_rate", "momentum", "clip", "weight_decay", "radius", "clean_steps")
    recipe = changed(rng, rng.choice(RECIPES), static, traced, rng.choice([0.0, 0.1]))
    validate_recipe(recipe, rng.choice([5, 5, 5, *ODD]))
    state = restarted(initial_classifier(KEY, NET, X), recipe.rank)
    found = run_recipe(state, recipe)
    return told(found, bool(diverged(found)))


def a_fit(rng: random.Random) -> bool:
    options: dict[str, Any] = {
        "learning_rate": 0.1,
        "weight_decay": 0.1,
        "steps": 2,
        "adversary": FGM(),
        "loss": "logistic",
    }
    for name in options:
        chance = rng.random()
        if chance < 0.1:
            options[name] = rng.choice(ODD)
        elif chance < 0.4 and name in ("learning_rate", "weight_decay"):
            options[name] = rng.choice(EXTREME)
    ball = rng.choice(ODD) if rng.random() < 0.1 else Ball(rng.choice(EXTREME), "l2")
    found = fit(KEY, NetMargin(Linear()), START, lambda key: (X, 1.0 - 2.0 * Y), ball, **options)
    return told(found, bool(found.diverged))


def a_sample(rng: random.Random) -> bool:
    n = rng.choice([0, 3, 3, *ODD])
    if rng.random() < 0.5:
        static = ("classes", "patches", "robust_patches", "dimension", "instance_seed", "noise_space")
        traced = ("robust_strength", "nonrobust_strength", "spread", "noise")
        config = changed(rng, rng.choice(SETS), static, traced, 0.05)
        validate_patches(config)
        return told((sample_patches(KEY, n, config), patch_features(config)), False)
    data = changed(rng, rng.choice(CODES), *_CODES, 0.05)
    validate(RUNS[0].replace(data=data))
    return told(sample(KEY, n, data), False)


def images(folder: Path, rng: random.Random) -> bool:
    name: Any = rng.choice(["mnist", "cifar10", "svhn", rng.choice(ODD)])
    place = rng.choice([folder, str(folder), folder / "all.tgz", folder / "nowhere", rng.choice(ODD)])
    found = load(name, place, seed=3)
    return told(found[:4], False)


def told(found: Any, flag: bool) -> bool:
    """Numbers that are not finite are told."""
    finite = all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(found))
    assert finite or flag, found
    return finite


@pytest.fixture
def folder(tmp_path) -> Path:
    cut = {name: data[:-1] for name, data in list(MNIST_FILES.items())[:1]}
    whole = {f"{name}.gz": gzip.compress(data) for name, data in list(MNIST_FILES.items())[:1]}
    return write(tmp_path, MNIST_FILES | cut | whole | dict(list(CIFAR_FILES.items())[:3]) | {"all.tgz": WHOLE})


@pytest.mark.filterwarnings("ignore:.*not the official file", "ignore:.* is read instead")
def test_every_config_is_refused_or_runs_or_is_told_as_diverged(folder):
    kinds: dict[Callable[[random.Random], bool], int] = {
        a_training: 130,
        a_classifier: 60,
        a_fit: 20,
        a_sample: 50,
        partial(images, folder): 50,
    }
    outcomes: Counter[tuple[int, str]] = Counter()
    for place, (kind, count) in enumerate(kinds.items()):
        for seed in range(count):
            rng = random.Random(f"{place} {seed}")
            try:
                outcome = "finite" if kind(rng) else "diverged"
            except ConfigError as error:
                assert " is not allowed: " in str(error) or ", expected " in str(error), str(error)
                assert "\n" not in str(error)
                outcome = "refused"
            except Exception as error:
                raise AssertionError(f"{kind} of seed {place} {seed}") from error
            outcomes[place, outcome] += 1
    # The fixed sample has all that there is.
    for place in range(len(kinds)):
        assert outcomes[place, "finite"] >= 3 and outcomes[place, "refused"] >= 10, outcomes
    assert outcomes[0, "diverged"] >= 5, outcomes

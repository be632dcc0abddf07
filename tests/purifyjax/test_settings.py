"""Odd values of every field of every config: what is refused, when, and in which words."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.attacks import FGM
from purifyjax.data import (
    CodeTable,
    NaturalCodes,
    Patches,
    SparseCoding,
    TabulatedCoding,
    validate_natural,
    validate_patches,
)
from purifyjax.data import validate as validate_data
from purifyjax.errors import ConfigError
from purifyjax.training import Augmentation, Phase, Recipe, Training, validate, validate_recipe

DATA = SparseCoding(dimension=8, sparsity=3, value_max=1.5)
PHASE = Phase(2, 4, 0.1)
RUN = Training(DATA, 3, (PHASE,), (PHASE,))
RECIPE = Recipe(2, 0.1)
TABULATED = TabulatedCoding(dimension=2, sparsity=1, table=CodeTable(jnp.eye(2)))


def validate_phase(phase: Phase) -> None:
    validate(RUN.replace(clean=(phase,)))


CONFIGS: dict[str, tuple[Any, Callable[[Any], None]]] = {
    "SparseCoding": (DATA, validate_data),
    "TabulatedCoding": (TABULATED, validate_data),
    "Patches": (Patches(dimension=8), validate_patches),
    "Phase": (PHASE, validate_phase),
    "Training": (RUN, validate),
    "Recipe": (RECIPE, lambda recipe: validate_recipe(recipe, 10)),
    "NaturalCodes": (NaturalCodes(), validate_natural),
    "Augmentation": (Augmentation((4, 4, 1)), lambda augmentation: augmentation.validate()),
}
OPTIONAL = {
    *("noise", "spike_noise", "learning_rate_end", "sample_size", "threshold_end", "adversary"),
    *("cubic_decay", "smoothing", "rank", "batch_size", "augmentation"),
}
WRONG: list[Any] = ["odd", b"odd", [1.0], {}, {1}, 1j, print, np.array("a"), -1, -0.5, math.nan, -math.inf, "L1", ()]
FRACTIONS: list[Any] = [1.5, 2.0, math.inf, np.float32(2), np.array(2), True]
COUNTS = {
    *("dimension", "sparsity", "classes", "patches", "robust_patches", "steps", "batch_size", "sample_size", "neurons"),
    *("rank", "parts", "patch", "atoms", "fitted", "iterations", "block"),
}
NAMES = {"dictionary", "noise_space", "decay", "threshold_rule", "norm", "optimizer"}
STATIC_REALS = {"nonzero_rate", "atom_rate", "tolerance", "contrast"}
TRUTHS = {"mirrored", "flip"}
POSITIVE = {"learning_rate", "learning_rate_end", "init_scale", "robust_strength", "nonrobust_strength", "clip"}
BELOW_ONE = {"label_spread", "spread", "momentum"}
# Of the table of codes c, a₁ and a₂ mean nothing, and the table is its own test's.
SKIPPED = {("TabulatedCoding", "table")}


def odd_values(name: str) -> list[Any]:
    """What a field must not be."""
    empty = name in ("clean", "robust")  # stages may have no phase
    values = [value for value in WRONG if not (empty and isinstance(value, tuple))]
    if name not in OPTIONAL:
        values.append(None)
    if name in COUNTS:
        values += [0, *FRACTIONS]
    elif name in NAMES:
        values += [0, 2, 1.0, True, "L2", "", "Adam", np.str_("odd")]
    elif name in TRUTHS:
        values += [0, 1, 2]
    elif name not in (
        "clean",
        "robust",
        "data",
        "adversary",
        "augmentation",
        "shape",
        "shift",
        "instance_seed",
        "seed",
    ):
        values += [True, np.array([0.1, math.nan]), 1e39]
        values += [] if name == "clip" else [math.inf]
        values += [0.0, 1e-50] if name in POSITIVE else []
        values += [1.0, 1.0 - 1e-12, np.array([0.1, 1.0])] if name in BELOW_ONE else []
        values += [np.array([1.0]), jnp.ones(())] if name in STATIC_REALS else []
    return values


PAIRS = [
    (config, field.name)
    for config, (good, _) in CONFIGS.items()
    for field in fields(good)
    if (config, field.name) not in SKIPPED
]


@pytest.mark.parametrize("config,name", PAIRS, ids=map("-".join, PAIRS))
def test_odd_values_are_one_sentence(config, name):
    good, check = CONFIGS[config]
    check(good)
    for value in odd_values(name):
        with pytest.raises(ConfigError) as error:
            check(replace(good, **{name: value}))
        text = str(error.value)
        assert " is not allowed: " in text and "\n" not in text, (value, text)
        assert name in text or name in ("shape", "clean", "robust", "data"), (value, text)


PYTREES = {name: config for name, (config, _) in CONFIGS.items() if name not in ("NaturalCodes", "Augmentation")}
STATIC = [(config, name) for config, name in PAIRS if config in PYTREES and name in COUNTS | NAMES | STATIC_REALS]
TRACED = [
    (config, field.name)
    for config, good in PYTREES.items()
    for field in fields(good)
    if field.metadata.get("pytree_node", True) and field.name not in ("clean", "robust", "data", "table")
]


@pytest.mark.parametrize("config,name", STATIC, ids=map("-".join, STATIC))
def test_static_fields_are_checked_when_a_config_is_made(config, name):
    for value in odd_values(name):
        with pytest.raises(ConfigError, match=f"^{name}"):
            replace(PYTREES[config], **{name: value})


@pytest.mark.parametrize("config,name", TRACED, ids=map("-".join, TRACED))
def test_of_traced_fields_floats_are_checked_when_a_config_is_made(config, name):
    for value in (math.nan, np.float64("nan"), np.float32(-1), -1e-3, -math.inf):
        with pytest.raises(ConfigError, match=f"^{name}"):
            replace(PYTREES[config], **{name: value})
    for value in (0, -1, None, object(), 0.0, jnp.array(jnp.nan), np.zeros(3), True):
        replace(PYTREES[config], **{name: value})  # axes, and whatever else JAX maps leaves to


@pytest.mark.parametrize("config", PYTREES)
def test_pytrees_go_where_jax_takes_them(config):
    good, check = CONFIGS[config]
    structure = jax.tree.structure(good)
    for made in (
        lambda _: 0,
        lambda _: -1,
        lambda _: None,
        lambda _: object(),
        lambda _: True,
        jnp.zeros_like,
        np.shape,
    ):
        jax.tree.unflatten(structure, [made(leaf) for leaf in jax.tree.leaves(good)])
        jax.tree.map(made, good)
    stacked = jax.tree.map(lambda leaf: jnp.stack([jnp.asarray(leaf)] * 2), good)
    axes = jax.tree.map(lambda _: 0, good)
    split = jax.vmap(lambda one: jax.tree.map(lambda leaf: 2.0 * leaf, one), in_axes=(axes,))(stacked)
    for one, other in zip(jax.tree.leaves(split), jax.tree.leaves(good), strict=True):
        np.testing.assert_allclose(one[1], 2.0 * jnp.asarray(other), rtol=1e-6)
    shapes = jax.eval_shape(lambda: good)
    assert [leaf.shape for leaf in jax.tree.leaves(shapes)] == [jnp.shape(leaf) for leaf in jax.tree.leaves(good)]
    jax.jit(lambda one: check(one))(good)  # traced values are not looked at
    slopes = jax.grad(lambda one: sum(jnp.sum(jnp.asarray(leaf)) for leaf in jax.tree.leaves(one)))(
        jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), good)
    )
    assert jax.tree.structure(slopes) == structure
    assert jax.tree.structure(pickle.loads(pickle.dumps(good))) == structure
    assert jax.tree.leaves(good.replace()) == jax.tree.leaves(good) or config == "TabulatedCoding"


@pytest.mark.parametrize(
    "change,words",
    [
        ({"steps": 0}, "clean[0].steps = 0 "),
        ({"radius": jnp.array([0.1, -0.1])}, "clean[0].radius τ = "),
        ({"adversary": "fgm"}, "adversary = 'fgm' "),
        ({"learning_rate": 0}, "clean[0].learning_rate = 0 "),
        ({"learning_rate": np.array(jnp.inf)}, "clean[0].learning_rate = "),
        ({"sample_size": 3}, "clean[0].sample_size = 3 is not allowed: at least the batch_size 4"),
        ({"threshold_rule": "odd"}, "threshold_rule = 'odd' is not allowed: per_neuron, uniform or frozen"),
    ],
    ids=str,
)
def test_the_place_is_named_where_there_is_one(change, words):
    with pytest.raises(ConfigError) as error:
        validate_phase(PHASE.replace(**change))
    assert str(error.value).startswith(words) or str(error.value).startswith(words.removeprefix("clean[0]."))


def test_swept_fields_are_checked_one_by_one():
    validate(RUN.replace(momentum=jnp.array([0.0, 0.9]), init_scale=np.array([1.0, 0.1])))
    validate_data(DATA.replace(margin=jnp.array([0.0, 0.5]), label_spread=np.array([0.0, 0.3])))
    with pytest.raises(ConfigError, match=r"margin γ = 9\.0 .*1 in 1000"):
        validate_data(DATA.replace(margin=jnp.array([0.5, 9.0])))
    with pytest.raises(ConfigError, match="shapes of margin"):
        validate_data(DATA.replace(margin=jnp.zeros(2), label_spread=jnp.zeros(3)))


@pytest.mark.parametrize(
    "codes", [[[1.0, 2.0]], np.zeros((0, 2)), np.zeros((2, 3)), np.zeros(2), 1.0, None, "a"], ids=str
)
def test_tables_of_codes_must_fit(codes):
    with pytest.raises(ConfigError, match="^table"):
        validate_data(TABULATED.replace(table=CodeTable(codes)))


@pytest.mark.parametrize("table", [None, np.eye(2), "codes"], ids=str)
def test_a_table_is_a_code_table_of_finite_numbers(table):
    with pytest.raises(ConfigError, match="^table"):
        validate_data(TABULATED.replace(table=table))
    with pytest.raises(ConfigError, match="^codes of the table"):
        validate_data(TABULATED.replace(table=CodeTable(jnp.full((2, 2), jnp.nan))))


@pytest.mark.parametrize(
    "check", [validate, validate_data, validate_patches, validate_natural], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("config", [None, 3, "config", PHASE, {}], ids=lambda c: type(c).__name__)
def test_other_configs_are_refused(check, config):
    with pytest.raises(ConfigError):
        check(config)


def test_numbers_of_numpy_are_numbers():
    validate(RUN.replace(neurons=np.int64(3), momentum=np.float32(0.5), rank=np.int8(2)))
    validate_recipe(RECIPE.replace(steps=np.int32(2), clip=np.float64("inf"), adversary=FGM()), 10)

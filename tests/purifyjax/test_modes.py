"""The same numbers in every mode of JAX: 64-bit types, keys of any generator, a stop at every NaN."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax import analysis
from purifyjax.attacks import FGM, PGD
from purifyjax.balls import Ball
from purifyjax.data import (
    CodeTable,
    Patches,
    SparseCoding,
    TabulatedCoding,
    acceptance_rate,
    instance,
    label_std,
    sample,
    sample_patches,
)
from purifyjax.errors import ConfigError
from purifyjax.models import (
    ConvNet,
    CoordinatePolynomial,
    Linear,
    NetMargin,
    PatchCNN,
    Polynomial,
    RandomFeatures,
    ResNet,
    SymmetricPolynomial,
    SymmetricReLU,
    TangentKernel,
    feature_kernel,
    filters,
    kernel_ridge,
    tangent_kernel,
)
from purifyjax.modes import own_key, single
from purifyjax.sweep import seed_keys, train_classifiers, train_stage
from purifyjax.training import (
    Augmentation,
    Phase,
    Recipe,
    Training,
    classifier_steps,
    fit,
    initial_classifier,
    initial_state,
    restarted,
    train,
)

D, M, N = 8, 3, 12
PLAIN = SparseCoding(dimension=D, sparsity=3, value_max=1.5, margin=0.3)
NOISY = PLAIN.replace(dictionary="random", label_spread=0.5, noise=0.3, spike_noise=0.2)
WIDE = NOISY.replace(noise=np.float64(0.3), spike_noise=np.array(0.2), value_max=np.float64(1.5))
TABLE = np.random.default_rng(0).normal(size=(9, D)).astype(np.float32)
TABULATED = TabulatedCoding(dimension=D, sparsity=3, margin=0.2, table=CodeTable(jnp.asarray(TABLE)))
PATCHES = Patches(patches=4, dimension=6, noise=0.1, spread=0.2, noise_space="full")
ATTACK = PGD.for_training(2, start="fgm")
PHASE = Phase(3, 4, 0.1, 0.02, threshold=0.1, threshold_end=0.3, weight_decay=0.01)
HARD = Phase(
    3,
    4,
    0.1,
    0.05,
    "cosine",
    8,
    "uniform",
    0.01,
    adversary=ATTACK,
    norm="linf",
    radius=0.1,
    cubic_decay=0.1,
    smoothing=0.1,
)
RUN = Training(NOISY, M, (PHASE,), (HARD,), init_scale=0.1, rank=2)
X = np.random.default_rng(1).normal(size=(N, 16)).astype(np.float32)
LABELS = (np.arange(N) % 3).astype(np.int32)
NET = ResNet((4, 4, 1), 3, (4, 4))
RECIPE = Recipe(
    3, 0.1, batch_size=4, adversary=FGM(), radius=0.1, augmentation=Augmentation((4, 4, 1), 1, True), rank=2
)


def linear_fit(key: Any) -> Any:
    def batch(key):
        return jax.random.normal(key, (6, 16), jnp.float32), jnp.ones(6, jnp.float32)

    model = Linear()
    start = model.init(jax.random.key(0), X)["params"]
    return fit(
        key, NetMargin(model), start, batch, Ball(0.1, "linf"), adversary=FGM(), steps=5, weight_decay=0.1, loss="hinge"
    )


def classifier(key: Any) -> Any:
    state = restarted(initial_classifier(key, NET, jnp.asarray(X)), 2)
    return classifier_steps(key, state, NET, RECIPE, jnp.asarray(X), jnp.asarray(LABELS), 0, 3)


def sweep(key: Any) -> Any:
    keys = seed_keys(np.arange(2))
    states = jax.vmap(partial(initial_state, config=RUN.replace(rank=None)))(keys)
    return train_stage(keys, states, RUN.replace(rank=None), (PHASE,))


def sweep_of_classifiers(key: Any) -> Any:
    keys = seed_keys(np.arange(2))
    states = jax.vmap(lambda key: restarted(initial_classifier(key, NET, jnp.asarray(X)), 2))(keys)
    return train_classifiers(keys, states, NET, RECIPE, jnp.asarray(X), jnp.asarray(LABELS))


def networks(key: Any) -> Any:
    modules = (
        SymmetricReLU(M),
        PatchCNN(2, 2, 4),
        Polynomial(3, 2),
        SymmetricPolynomial(3),
        CoordinatePolynomial(3),
        TangentKernel(M, 0.5),
        RandomFeatures(M, 0.5),
        Linear(),
        NET,
        ResNet((4, 4, 1), 3, (4,), norm="group"),
        ConvNet((4, 4, 1), 3, (2,), (3,), (4,), "max"),
    )
    return [(found := module.init_with_output(key, X))[0] for module in modules] + [filters(found[1]["params"])]


def kernels(key: Any) -> Any:
    kernel = tangent_kernel(0.5)
    x = jnp.asarray(X)
    return kernel(x, x), feature_kernel(0.5)(x, x), kernel_ridge(kernel, x, np.sign(X[:, 0]), 1.0)


def analyses(key: Any) -> Any:
    w, v = jnp.asarray(X), jnp.asarray(X[::-1].copy())
    found = analysis.features(w, jnp.ones(16, jnp.float32), 4)
    threshold = jnp.full(N, 0.5, jnp.float32)
    return (
        found,
        analysis.decompose(w, v),
        analysis.absolute_cosine(w, v),
        analysis.coverage(found.feature, found.purity > 0.3, 16),
        analysis.firing_rate(w, threshold, v),
        analysis.firing(w, threshold, found.feature, found.purity > 0.3, v, v),
        analysis.participation_ratio(w),
        analysis.dense_part(found.mixture, found.feature, jnp.ones(16, jnp.float32)),
        analysis.angles(X, X[::-1]),
    )


CASES: dict[str, Callable[[Any], Any]] = {
    "sample": lambda key: sample(key, N, PLAIN),
    "sample with noise": lambda key: sample(key, N, NOISY),
    "sample in a program": lambda key: jax.jit(sample, static_argnums=1)(key, N, NOISY),
    "sample with numbers of numpy": lambda key: sample(key, N, WIDE),
    "rows of a table": lambda key: sample(key, N, TABULATED),
    "M and w*": lambda key: instance(NOISY),
    "moments": lambda key: [(label_std(c), acceptance_rate(c, 64)) for c in (PLAIN, NOISY, TABULATED)],
    "patches": lambda key: sample_patches(key, N, PATCHES),
    "train by sgd": lambda key: jax.jit(train)(key, RUN),
    "train by adam": lambda key: jax.jit(train)(key, RUN.replace(optimizer="adam", clean=())),
    "fit": linear_fit,
    "classifier": classifier,
    "sweep": sweep,
    "sweep of classifiers": sweep_of_classifiers,
    "networks": networks,
    "kernels": kernels,
    "analyses": analyses,
}


@cache
def usual(case: str) -> list[np.ndarray]:
    return leaves(CASES[case](jax.random.key(3)))


def leaves(tree: Any) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


@pytest.mark.parametrize("case", CASES)
def test_wider_types_change_no_result(case):
    """Beyond rounding, since the order of a sum may differ from one program to another."""
    expected = usual(case)
    with jax.enable_x64(True):
        found = leaves(CASES[case](jax.random.key(3)))
    for one, other in zip(expected, found, strict=True):
        assert one.dtype == other.dtype or one.dtype.kind in "iu"
        np.testing.assert_allclose(other, one, rtol=2e-4, atol=2e-5)


# Sweeps take the steps of the trainings.
@pytest.mark.parametrize("case", [case for case in CASES if not case.startswith("sweep")])
def test_nothing_on_the_way_is_nan(case):
    expected = usual(case)
    with jax.debug_nans(True):
        found = leaves(CASES[case](jax.random.key(3)))
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(other, one)


@pytest.mark.parametrize("case", ["sample with noise", "patches", "fit", "classifier"])
def test_a_raw_key_draws_the_same(case):
    for one, other in zip(usual(case), leaves(CASES[case](jax.random.PRNGKey(3))), strict=True):
        np.testing.assert_array_equal(other, one)


@pytest.mark.parametrize(
    "case,generator",
    [
        ("sample with noise", "rbg"),
        ("rows of a table", "rbg"),
        ("patches", "unsafe_rbg"),
        ("train by sgd", "unsafe_rbg"),
        ("fit", "rbg"),
        ("classifier", "unsafe_rbg"),
    ],
)
def test_keys_of_other_generators_work(case, generator):
    first, again, other = (leaves(CASES[case](jax.random.key(k, impl=generator))) for k in (3, 3, 4))
    for one, same in zip(first, again, strict=True):
        assert np.isfinite(one).all()
        np.testing.assert_array_equal(one, same)
    assert any(not np.array_equal(one, another) for one, another in zip(first, other, strict=True))


@pytest.mark.parametrize("generator", ["rbg", "unsafe_rbg"])
def test_labels_fit_their_codes_whatever_the_generator(generator):
    """A candidate is scored and drawn again: other generators draw others beside others."""
    batch = sample(jax.random.key(5, impl=generator), 200, PLAIN)
    score = np.asarray(batch.code) @ np.asarray(instance(PLAIN).label_weights)
    assert np.abs(score).min() >= PLAIN.margin - 1e-5
    np.testing.assert_array_equal(batch.y, np.sign(score))


def test_a_seed_of_another_generator_does_not_depend_on_those_beside_it():
    keys = jax.random.split(jax.random.key(1, impl="rbg"), 3)
    together = jax.vmap(lambda key: sample(key, 5, PLAIN).x)(keys)
    np.testing.assert_array_equal(together[2], sample(keys[2], 5, PLAIN).x)


def test_the_default_generator_of_a_process_does_not_change_the_distribution():
    expected = leaves((instance(NOISY), acceptance_rate(NOISY, 64)))
    with jax.default_prng_impl("rbg"):
        found = leaves((instance(NOISY), acceptance_rate(NOISY, 64)))
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "key", [0, None, "key", 1.5, jax.random.split(jax.random.key(0)), np.zeros(3, np.uint32), jnp.zeros(2)], ids=repr
)
def test_what_is_no_key_is_refused(key):
    calls = (
        lambda: sample(key, 3, PLAIN),
        lambda: sample_patches(key, 3, PATCHES),
        lambda: train(key, RUN),
        lambda: classifier(key),
        lambda: linear_fit(key),
    )
    for call in calls:
        with pytest.raises(ConfigError, match="key") as error:
            call()
        assert "\n" not in str(error.value)


def test_threefry_keys_stay_themselves():
    key = jax.random.key(7)
    np.testing.assert_array_equal(jax.random.key_data(own_key(key)), jax.random.key_data(key))


def test_single_is_for_wide_numbers_alone():
    tree = {"a": 0.1, "b": np.float64(0.1), "c": np.arange(2), "d": None, "e": np.float32(1), "f": np.zeros(2)}
    assert single(tree) is tree
    with jax.enable_x64(True):
        found = single(tree)
        assert all(found[name].dtype == np.float32 for name in "abef") and found["c"] is tree["c"]

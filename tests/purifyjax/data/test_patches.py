"""Patch data against its definition: frequencies, means and spreads along the features, and the noise around them.

Statistical checks have fixed keys and bounds of five standard errors.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from functools import cache
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from purifyjax.data import PatchBatch, Patches, PatchFeatures, patch_features, sample_patches, validate_patches
from purifyjax.errors import ConfigError

N = 1 << 13
SURPRISE = 1e-6  # smallest p-value taken for chance
KEY = jax.random.key(1)

CLEAN = Patches(classes=3, patches=5, robust_patches=2, dimension=12, robust_strength=2.0, nonrobust_strength=0.4)
CASES = {
    "clean": CLEAN,
    "spread": replace(CLEAN, spread=0.5),
    "complement": replace(CLEAN, noise=0.3),
    "full": replace(CLEAN, noise=0.3, noise_space="full"),
    "both": replace(CLEAN, spread=0.25, noise=0.1),
}
every_case = pytest.mark.parametrize("name", CASES)

# Compiling is most of the run time: the tests share few static settings, and draw the features once.
compiled = jax.jit(sample_patches, static_argnums=1)


@cache
def features_of(classes: int, dimension: int) -> PatchFeatures:
    return patch_features(Patches(classes=classes, dimension=dimension))


def draw(key, n: int, config: Patches) -> PatchBatch:
    return compiled(key, n, config, features_of(config.classes, config.dimension))


class Seen:
    """A batch in float64 on the host, cut into patches, with its coordinates along the features."""

    def __init__(self, config: Patches, batch: PatchBatch):
        self.u, self.v = (np.asarray(f, np.float64) for f in patch_features(config))
        self.y, self.robust = np.asarray(batch.y), np.asarray(batch.robust)
        self.x = np.asarray(batch.x, np.float64).reshape(-1, config.patches, config.dimension)
        self.along_u, self.along_v = self.x @ self.u.T, self.x @ self.v.T  # [n, patch, class]
        own = np.broadcast_to(self.y[:, None, None], (*self.robust.shape, 1))
        self.own_u = np.take_along_axis(self.along_u, own, axis=2)[..., 0]  # ⟨x_p, u_y⟩
        self.own_v = np.take_along_axis(self.along_v, own, axis=2)[..., 0]
        self.other = np.arange(config.classes)[None, :] != self.y[:, None]  # [n, class]


@cache
def seen(name: str) -> Seen:
    return Seen(CASES[name], draw(KEY, N, CASES[name]))


def close_rate(hits, p: float) -> None:
    """The share of `hits` is p within five standard errors, in every column if there are several."""
    hits = np.asarray(hits)
    np.testing.assert_allclose(hits.mean(axis=0), p, rtol=0, atol=5 * math.sqrt(p * (1 - p) / len(hits)))


def close_mean(values, expected: float) -> None:
    values = np.asarray(values, np.float64)
    error = values.std() / math.sqrt(values.size)
    assert abs(values.mean() - expected) <= 5 * error + 1e-6, (values.mean(), expected, error)


def has_law(values, cdf) -> bool:
    result: Any = stats.kstest(np.ravel(values), cdf)
    return result.pvalue > SURPRISE


# Features


@pytest.mark.parametrize("classes,dimension", [(2, 4), (3, 12), (10, 64)])
def test_features_are_orthonormal(classes, dimension):
    u, v = patch_features(Patches(classes=classes, dimension=dimension))
    chex.assert_shape([u, v], (classes, dimension))
    every = np.concatenate([u, v]).astype(np.float64)
    np.testing.assert_allclose(every @ every.T, np.eye(2 * classes), atol=2e-6)


def test_features_depend_on_the_instance_and_nothing_else():
    first = patch_features(CLEAN)
    chex.assert_trees_all_equal(first, patch_features(replace(CLEAN, patches=9, robust_patches=1, noise=1.0)))
    for seed in (1, 2):
        other = patch_features(replace(CLEAN, instance_seed=seed))
        assert np.abs(first.robust - other.robust).max() > 0.1
        assert np.abs(first.nonrobust - other.nonrobust).max() > 0.1


def test_features_have_no_preferred_direction():
    """Over instances a coordinate of u_0 on S^{d−1} has t² ~ Beta(1/2, (d − 1)/2)."""
    drawn = np.stack([patch_features(Patches(dimension=6, instance_seed=s)).robust[0] for s in range(300)])
    assert has_law(drawn[:, 0] ** 2, stats.beta(0.5, 2.5).cdf)
    assert has_law(drawn[:, 5] ** 2, stats.beta(0.5, 2.5).cdf)


def test_everywhere_puts_a_feature_in_every_patch():
    features = patch_features(CLEAN)
    for kind in ("robust", "nonrobust"):
        flat = features.everywhere(kind, 5)
        chex.assert_shape(flat, (3, 5 * 12))
        for c, p in itertools.product(range(3), range(5)):
            np.testing.assert_array_equal(flat[c, p * 12 : (p + 1) * 12], getattr(features, kind)[c])


# Labels and places


@every_case
def test_labels_are_uniform(name):
    y = seen(name).y
    assert set(np.unique(y)) == {0, 1, 2}
    close_rate(y[:, None] == np.arange(3)[None, :], 1 / 3)


@every_case
def test_exactly_so_many_patches_are_robust(name):
    config = CASES[name]
    np.testing.assert_array_equal(seen(name).robust.sum(axis=1), config.robust_patches)
    assert config.nonrobust_patches == 3


def test_every_set_of_places_is_as_likely_whatever_the_label():
    batch = seen("clean")
    sets = list(itertools.combinations(range(5), 2))
    for rows in (np.full(N, True), *(batch.y == c for c in range(3))):
        places = [tuple(np.flatnonzero(row).tolist()) for row in batch.robust[rows]]
        counts = [places.count(s) for s in sets]
        assert sum(counts) == rows.sum()
        assert stats.chisquare(counts).pvalue > SURPRISE


def test_one_of_two_patches_and_all_but_one():
    for patches, robust in ((2, 1), (4, 3)):
        batch = draw(KEY, 2000, replace(CLEAN, patches=patches, robust_patches=robust))
        np.testing.assert_array_equal(np.sum(batch.robust, axis=1), robust)
        close_rate(batch.robust, robust / patches)


# Strengths


def test_without_spread_and_noise_patches_are_the_features_themselves():
    batch = seen("clean")
    for n in range(50):
        for p in range(5):
            c = batch.y[n]
            expected = 2.0 * batch.u[c] if batch.robust[n, p] else 0.4 * batch.v[c]
            np.testing.assert_allclose(batch.x[n, p], expected, atol=1e-6)


@every_case
def test_means_along_the_features(name):
    """⟨x_p, u_y⟩ has mean α on J_R and 0 elsewhere, ⟨x_p, v_y⟩ mean 0 and β; other classes' features have mean 0."""
    batch = seen(name)
    close_mean(batch.own_u[batch.robust], 2.0)
    close_mean(batch.own_v[~batch.robust], 0.4)
    close_mean(batch.own_u[~batch.robust], 0.0)
    close_mean(batch.own_v[batch.robust], 0.0)
    for along in (batch.along_u, batch.along_v):
        close_mean(np.swapaxes(along, 1, 2)[batch.other], 0.0)


@pytest.mark.parametrize("name,spread", [("spread", 0.5), ("both", 0.25)])
def test_strengths_are_uniform_and_independent(name, spread):
    """Noise in the complement of the features leaves α_p and β_p to be read off exactly."""
    batch = seen(name)
    strong, weak = batch.own_u[batch.robust] / 2.0, batch.own_v[~batch.robust] / 0.4
    for strength in (strong, weak):
        assert strength.min() >= 1 - spread - 1e-6
        assert strength.max() <= 1 + spread + 1e-6
        assert has_law(strength, stats.uniform(1 - spread, 2 * spread).cdf)
    close_mean(strong**2, 1 + spread**2 / 3)
    relative = np.where(batch.robust, batch.own_u / 2.0, batch.own_v / 0.4)
    between = np.corrcoef(relative.T)
    np.testing.assert_allclose(between - np.eye(5), 0.0, atol=5 / math.sqrt(N))
    for c in range(3):
        close_mean(relative[batch.y == c], 1.0)


# Noise


def noise_of(batch: Seen, config: Patches) -> np.ndarray:
    """ξ_p, without spread."""
    mean = np.where(
        batch.robust[..., None],
        config.robust_strength * batch.u[batch.y][:, None],
        config.nonrobust_strength * batch.v[batch.y][:, None],
    )
    return batch.x - mean


@pytest.mark.parametrize("name", ["complement", "both"])
def test_noise_in_the_complement_has_nothing_along_the_features(name):
    batch = seen(name)
    for along, there, own in ((batch.along_u, batch.robust, batch.own_u), (batch.along_v, ~batch.robust, batch.own_v)):
        assert np.abs(np.swapaxes(along, 1, 2)[batch.other]).max() < 2e-6
        assert np.abs(own[~there]).max() < 2e-6


@pytest.mark.parametrize("name", ["complement", "full"])
def test_noise_has_its_covariance(name):
    """E ξ_p ξ_pᵀ = σ² Π in every patch, with no correlation between patches."""
    config, batch = CASES[name], seen(name)
    xi = noise_of(batch, config)
    every = np.concatenate([batch.u, batch.v])
    projector = np.eye(12) - (every.T @ every if name == "complement" else 0.0)
    error = config.noise**2 * math.sqrt(2 / N)
    for p in range(5):
        np.testing.assert_allclose(xi[:, p].T @ xi[:, p] / N, config.noise**2 * projector, atol=5 * error)
    np.testing.assert_allclose(xi[:, 0].T @ xi[:, 1] / N, 0.0, atol=5 * error)
    close_mean(np.sum(xi**2, axis=2), config.noise**2 * np.trace(projector))
    # Along every direction that Π keeps it is Gaussian.
    kept = np.linalg.svd(projector)[0][:, : round(np.trace(projector))]
    assert has_law((xi[:, 0] @ kept) / config.noise, stats.norm.cdf)


def test_full_noise_lies_along_the_features_too():
    config, batch = CASES["full"], seen("full")
    xi = noise_of(batch, config)
    for feature in (*batch.u, *batch.v):
        assert has_law(xi @ feature / config.noise, stats.norm.cdf)


def test_noise_does_not_depend_on_the_label_or_the_place():
    xi = noise_of(seen("full"), CASES["full"])
    batch = seen("full")
    for rows in (*(batch.y == c for c in range(3)), batch.robust, ~batch.robust):
        assert has_law(xi[rows][..., 0].ravel() / 0.3, stats.norm.cdf)


# Keys, shapes and compiling


def test_shapes_and_types():
    batch = draw(KEY, 7, CLEAN)
    chex.assert_shape(batch.x, (7, 5 * 12))
    chex.assert_shape(batch.y, (7,))
    chex.assert_shape(batch.robust, (7, 5))
    assert batch.x.dtype == jnp.float32
    assert jnp.issubdtype(batch.y.dtype, jnp.integer)
    assert batch.robust.dtype == bool


def test_same_key_same_batch_other_key_other_batch():
    config = CASES["both"]
    first = draw(KEY, 200, config)
    chex.assert_trees_all_equal(first, draw(KEY, 200, config))
    other = draw(jax.random.key(2), 200, config)
    assert (first.y != other.y).any()
    assert (first.robust != other.robust).any()
    assert np.abs(np.asarray(first.x - other.x)).max(axis=1).min() > 1e-3


def test_every_key_draws_from_the_same_features():
    """Without noise every patch of every key lies along u_y or v_y of the one instance."""
    for seed in range(4):
        batch = Seen(CLEAN, draw(jax.random.key(seed), 200, CLEAN))
        np.testing.assert_allclose(batch.own_u[batch.robust], 2.0, rtol=1e-5)
        np.testing.assert_allclose(batch.own_v[~batch.robust], 0.4, rtol=1e-5)


def test_features_may_be_given():
    chex.assert_trees_all_close(draw(KEY, 50, CLEAN), compiled(KEY, 50, CLEAN), atol=1e-6)
    features = features_of(3, 12)
    swapped = Seen(CLEAN, compiled(KEY, 50, CLEAN, PatchFeatures(features.nonrobust, features.robust)))
    np.testing.assert_allclose(swapped.own_v[swapped.robust], 2.0, rtol=1e-5)
    np.testing.assert_allclose(swapped.own_u[~swapped.robust], 0.4, rtol=1e-5)


def member(alpha, beta, spread, noise) -> Patches:
    return replace(CLEAN, robust_strength=alpha, nonrobust_strength=beta, spread=spread, noise=noise)


def test_values_do_not_recompile():
    chex.clear_trace_counter()
    once = jax.jit(chex.assert_max_traces(sample_patches, n=1), static_argnums=1)
    for values in ((1.0, 0.3, 0.0, 0.0), (2.0, 0.1, 0.5, 0.3), (1.5, 0.2, 0.1, 0.0)):
        chex.assert_tree_all_finite(once(KEY, 3, member(*values), features_of(3, 12)))


def test_values_and_keys_may_be_an_axis():
    values = jnp.array([[1.0, 0.3, 0.0, 0.2], [3.0, 0.1, 0.5, 0.0]])
    keys = jax.random.split(KEY, 2)
    many = jax.jit(jax.vmap(lambda key, row: sample_patches(key, 3, member(*row), features_of(3, 12))))(keys, values)
    chex.assert_shape(many.x, (2, 3, 5 * 12))
    for i in range(2):
        single = draw(keys[i], 3, member(*values[i].tolist()))
        chex.assert_trees_all_close(jax.tree.map(lambda part, i=i: part[i], many), single, atol=1e-5)


# Errors


@pytest.mark.parametrize(
    "change,words",
    [
        ({"classes": 1}, "classes K = 1 .*at least 2"),
        ({"patches": 1}, "patches P = 1 .*at least 2"),
        ({"robust_patches": 0}, "robust_patches P_R = 0 .*at least 1"),
        ({"robust_patches": 5}, "robust_patches P_R = 5 .*P = 5"),
        ({"dimension": 5}, "dimension d = 5 .*2K = 6"),
        ({"robust_strength": 0.0}, "robust_strength α = 0.0 .*α > 0"),
        ({"robust_strength": math.nan}, "robust_strength α = nan "),
        ({"nonrobust_strength": -0.1}, "nonrobust_strength β = -0.1 .*β > 0"),
        ({"nonrobust_strength": 0.0}, "nonrobust_strength β = 0.0 "),
        ({"spread": -0.1}, "spread s = -0.1 .*0 ≤ s < 1"),
        ({"spread": 1.0}, "spread s = 1.0 "),
        ({"noise": -1.0}, "noise σ = -1.0 .*σ ≥ 0"),
        ({"noise": math.nan}, "noise σ = nan "),
        ({"noise_space": "half"}, "noise_space = 'half' .*complement or full"),
    ],
    ids=str,
)
def test_validate_names_the_field_and_its_value(change: dict[str, Any], words: str):
    with pytest.raises(ConfigError, match=words):
        validate_patches(replace(CLEAN, **change))


@pytest.mark.parametrize("config", [*CASES.values(), Patches(), replace(CLEAN, dimension=6, robust_patches=4)])
def test_validate_accepts_members(config):
    validate_patches(config)

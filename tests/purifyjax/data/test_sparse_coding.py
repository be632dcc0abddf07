"""Sparse-coding data against its definition: closed moments, enumeration, and rejection in plain numpy.

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
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from purifyjax.data import (
    Batch,
    Instance,
    SparseCoding,
    acceptance_rate,
    instance,
    label_std,
    sample,
    second_moment,
    validate,
)
from purifyjax.errors import ConfigError

N = 1 << 15
SURPRISE = 1e-6  # smallest p-value taken for chance
traces = 0


def _counted(key, n, config):
    global traces
    traces += 1
    return sample(key, n, config)


# Compiling is most of the run time: the tests share few static settings.
draw = jax.jit(_counted, static_argnums=1)

MIXED = SparseCoding(dimension=32, sparsity=5, nonzero_rate=1.0, atom_rate=0.5, value_max=2.0)
CASES = {
    "mixed": MIXED,
    "two-point": replace(MIXED, value_max=1.0),
    "atoms only": replace(MIXED, nonzero_rate=0.0, atom_rate=3.0),
    "no atoms": replace(MIXED, atom_rate=0.0),
    "nearly dense": SparseCoding(dimension=8, sparsity=6, nonzero_rate=1.2, atom_rate=0.0, value_max=1.0),
}
UNEQUAL = replace(MIXED, label_spread=0.5)
# Noise of size 0 and no noise are two static settings: the former shares its compilation with the rest.
ROTATED = replace(UNEQUAL, dictionary="random", noise=0.0, spike_noise=0.0)
# z_j ∈ {−1, 0, 1} with probability ⅛, ¾, ⅛: all 3⁴ codes can be listed.
TINY = SparseCoding(dimension=4, sparsity=1, nonzero_rate=1.0, atom_rate=0.0, value_max=1.0)
TINY_CODES = np.array(list(itertools.product((-1.0, 0.0, 1.0), repeat=4)))
TINY_CHANCES = np.prod(np.where(TINY_CODES == 0, 0.75, 0.125), axis=1)


@cache
def batch_of(name: str) -> Batch:
    return _host(draw(jax.random.key(1), N, CASES[name]))


def _host(batch: Batch) -> Batch:
    return Batch(*(np.asarray(part) for part in batch))  # pyright: ignore[reportArgumentType]


def close_rate(hits, p: float) -> None:
    """The share of `hits` is p within five standard errors, in every column if there are several."""
    hits = np.asarray(hits)
    error = math.sqrt(p * (1 - p) / hits.shape[0])
    np.testing.assert_allclose(hits.mean(axis=0), p, rtol=0, atol=5 * error + 1e-12)


def close_mean(values, expected: float) -> None:
    values = np.asarray(values, np.float64)
    error = values.std() / math.sqrt(values.size)
    assert abs(values.mean() - expected) <= 5 * error + 1e-12, (values.mean(), expected, error)


def has_law(values, cdf) -> bool:
    result: Any = stats.kstest(values, cdf)
    return result.pvalue > SURPRISE


def same_law(first, second) -> bool:
    result: Any = stats.ks_2samp(first, second)
    return result.pvalue > SURPRISE


def plain_codes(rng: np.random.Generator, n: int, config: SparseCoding) -> np.ndarray:
    """z of the definition, coordinate by coordinate and dense: a second implementation."""
    d, k = config.dimension, config.sparsity
    kind = rng.random((n, d))
    atom, nonzero = config.atom_rate / d, config.nonzero_rate * k / d
    usual = rng.uniform(1.0, config.value_max, (n, d)) / math.sqrt(k)
    size = np.where(kind < atom, 1.0, np.where(kind < atom + nonzero, usual, 0.0))
    return size * rng.choice([-1.0, 1.0], (n, d))


def plain_rejection(seed: int, n: int, config: SparseCoding, weights: np.ndarray) -> np.ndarray:
    rng, kept = np.random.default_rng(seed), []
    while sum(map(len, kept)) < n:
        codes = plain_codes(rng, n, config)
        kept.append(codes[np.abs(codes @ weights) >= config.margin])
    return np.concatenate(kept)[:n]


# Moments and ranges


@pytest.mark.parametrize("name", CASES)
def test_rates_and_moments_of_a_coordinate(name):
    config, z = CASES[name], batch_of(name).code
    d, k, c = config.dimension, config.sparsity, config.value_max
    p = (config.atom_rate + config.nonzero_rate * k) / d
    assert config.nonzero_probability == pytest.approx(p)
    close_rate((z != 0).ravel(), p)
    close_rate((z > 0).ravel(), p / 2)
    close_rate((np.abs(z) == 1.0).ravel(), config.atom_rate / d)
    moment = (config.atom_rate + config.nonzero_rate * (c * c + c + 1) / 3) / d
    assert float(second_moment(config)) == pytest.approx(moment, rel=1e-6)
    close_mean(z**2, moment)
    close_mean(z, 0.0)
    close_mean(z**3, 0.0)


@pytest.mark.parametrize("name", CASES)
def test_values_are_atoms_or_uniform_between_their_bounds(name):
    config = CASES[name]
    size = np.abs(batch_of(name).code)
    small = size[(size > 0) & (size < 1.0)] * math.sqrt(config.sparsity)
    if config.nonzero_rate == 0:
        assert small.size == 0
    elif config.value_max == 1.0:
        np.testing.assert_allclose(small, 1.0, rtol=1e-6)
    else:
        assert small.min() >= 1.0 - 1e-6
        assert small.max() <= config.value_max + 1e-6
        assert has_law(small, stats.uniform(1.0, config.value_max - 1.0).cdf)


@pytest.mark.parametrize("name", CASES)
def test_every_position_has_the_same_rate(name):
    """Skipping by geometric gaps must not favour either end."""
    config, z = CASES[name], batch_of(name).code
    close_rate(z != 0, config.nonzero_probability)
    counts = (z != 0).sum(axis=0)
    n, p = z.shape[0], config.nonzero_probability
    surprise = stats.chi2(config.dimension).sf(((counts - n * p) ** 2 / (n * p * (1 - p))).sum())
    assert surprise > SURPRISE


@pytest.mark.parametrize("name", CASES)
def test_pairs_of_coordinates_are_independent(name):
    config, z = CASES[name], batch_of(name).code.astype(np.float64)
    n, p = z.shape[0], config.nonzero_probability
    fires = (z != 0).astype(np.float64)
    upper = np.triu_indices(config.dimension, 1)
    together = (fires.T @ fires / n)[upper]
    np.testing.assert_allclose(together, p * p, rtol=0, atol=5 * math.sqrt(p * p * (1 - p * p) / n))
    moment = float(second_moment(config))
    np.testing.assert_allclose((z.T @ z / n)[upper], 0.0, rtol=0, atol=5 * moment / math.sqrt(n))
    # Neighbours pooled over positions: a gap that is off by one shows here first.
    for lag in (1, 2, 3):
        close_rate(((fires[:, lag:] * fires[:, :-lag])[:, ::2]).ravel(), p * p)


@pytest.mark.parametrize("name", CASES)
def test_number_of_nonzeros_is_binomial(name):
    config, z = CASES[name], batch_of(name).code
    count = np.bincount((z != 0).sum(axis=1), minlength=config.dimension + 1)
    expected = N * stats.binom.pmf(np.arange(count.size), config.dimension, config.nonzero_probability)
    common = expected >= 10
    observed = np.append(count[common], count[~common].sum())
    wanted = np.append(expected[common], expected[~common].sum())
    assert stats.chisquare(observed, wanted * observed.sum() / wanted.sum()).pvalue > SURPRISE


@pytest.mark.parametrize("d,k", [(8, 2), (64, 8), (256, 12), (1024, 20), (1024, 31), (4096, 45), (65536, 200)])
def test_slots_hold_the_whole_support(d, k):
    config = SparseCoding(dimension=d, sparsity=k, atom_rate=0.25)
    assert stats.binom(d, config.nonzero_probability).sf(config.slots) < 1e-9


# The margin


def test_acceptance_rate_equals_enumeration():
    samples = 1 << 14
    for margin in (0.0, 1.0, 1.5, 3.5, 4.5):
        p = TINY_CHANCES[np.abs(TINY_CODES.sum(axis=1)) >= margin].sum()
        rate = acceptance_rate(replace(TINY, margin=margin), samples)
        assert abs(rate - p) <= 5 * math.sqrt(p * (1 - p) / samples) + 1e-9


@pytest.mark.parametrize("margin", [0.0, 1.5, 2.5])
def test_joint_law_equals_enumeration(margin):
    """At γ = 2.5 ten of the 81 codes are left."""
    chance = TINY_CHANCES * (np.abs(TINY_CODES.sum(axis=1)) >= margin)
    chance /= chance.sum()
    z = _host(draw(jax.random.key(3), N, replace(TINY, margin=margin))).code
    count = np.bincount(((z + 1) @ 3.0 ** np.arange(3, -1, -1)).astype(int), minlength=81)
    assert count[chance == 0].sum() == 0
    legal = chance > 0
    assert stats.chisquare(count[legal], N * chance[legal]).pvalue > SURPRISE


@pytest.mark.parametrize("config", [replace(MIXED, margin=1.0), replace(UNEQUAL, margin=2.5)], ids=["equal", "w*"])
def test_conditional_law_equals_plain_rejection(config):
    fixed = instance(config)
    weights = np.asarray(fixed.label_weights, np.float64)
    z = _host(draw(jax.random.key(4), N, config)).code
    score = z @ weights
    assert np.abs(score).min() >= config.margin - 1e-5
    plain = plain_rejection(5, N, config, weights)
    assert same_law(score, plain @ weights)
    assert same_law((z != 0).sum(axis=1), (plain != 0).sum(axis=1))
    assert same_law(np.abs(z).max(axis=1), np.abs(plain).max(axis=1))
    rate, plain_rate = (z != 0).mean(axis=0), (plain != 0).mean(axis=0)
    error = np.sqrt((rate * (1 - rate) + plain_rate * (1 - plain_rate)) / N)
    np.testing.assert_array_less(np.abs(rate - plain_rate), 5 * error)
    # Rows filled in early and late rounds have one law.
    assert same_law(score[: N // 4], score[-N // 4 :])


def test_acceptance_rate_equals_plain_numpy():
    config = replace(UNEQUAL, margin=1.0)
    weights = np.asarray(instance(config).label_weights)
    plain = np.abs(plain_codes(np.random.default_rng(6), N, config) @ weights) >= 1.0
    p, samples = plain.mean(), 1 << 14
    assert abs(acceptance_rate(config, samples) - p) <= 5 * math.sqrt(p * (1 - p) * (1 / N + 1 / samples))


def test_rows_are_nan_where_no_candidate_meets_the_margin():
    config = SparseCoding(dimension=4, sparsity=2, value_max=1.0, margin=100.0)
    batch = draw(jax.random.key(0), 3, config)
    assert bool(jnp.isnan(batch.code).any(axis=1).all())
    assert bool(jnp.isnan(batch.x).any(axis=1).all())


@given(
    value_max=st.floats(1.0, 2.2),
    margin=st.floats(0.0, 2.0),
    label_spread=st.floats(0.0, 0.9),
)
def test_any_member_keeps_its_promises(value_max, margin, label_spread):
    config = replace(MIXED, value_max=value_max, margin=margin, label_spread=label_spread)
    x, y, z = _host(draw(jax.random.key(7), N, config))
    score = z @ np.asarray(instance(config).label_weights)
    assert np.abs(score).min() >= margin - 1e-5
    clear = np.abs(score) > 1e-5
    np.testing.assert_array_equal(y[clear], np.sign(score[clear]))
    size = np.abs(z[(z != 0) & (np.abs(z) != 1.0)]) * math.sqrt(5)
    assert size.size == 0 or (size.min() >= 1 - 1e-6 and size.max() <= value_max + 1e-5)
    np.testing.assert_array_equal(x, z)


# Labels and w*


def test_equal_weights_are_one():
    np.testing.assert_array_equal(np.asarray(instance(MIXED).label_weights), np.ones(32))


def test_unequal_weights_have_their_range_and_both_signs():
    config = SparseCoding(dimension=2048, sparsity=8, label_spread=0.5)
    weights = np.asarray(instance(config).label_weights)
    size = np.abs(weights)
    assert size.min() >= 0.5 and size.max() <= 1.5
    assert has_law(size, stats.uniform(0.5, 1.0).cdf)
    close_rate(weights > 0, 0.5)


@pytest.mark.parametrize("config", [MIXED, UNEQUAL], ids=["equal", "w*"])
def test_label_is_the_sign_of_the_score_and_its_spread_is_known(config):
    _, y, z = _host(draw(jax.random.key(8), N, config))
    score = z @ np.asarray(instance(config).label_weights)
    clear = np.abs(score) > 1e-5
    np.testing.assert_array_equal(y[clear], np.sign(score[clear]))
    assert set(np.unique(y)) == {-1.0, 1.0}
    close_rate(y[clear] > 0, 0.5)
    close_mean(score**2, label_std(config) ** 2)


# Inputs: dictionary, noise and spikes


def test_inputs_are_codes_under_the_identity():
    batch = batch_of("mixed")
    np.testing.assert_array_equal(batch.x, batch.code)
    assert instance(MIXED).dictionary is None


def test_random_dictionary_is_unitary_and_makes_the_inputs():
    fixed = instance(ROTATED)
    assert fixed.dictionary is not None
    m = np.asarray(fixed.dictionary, np.float64)
    np.testing.assert_allclose(m.T @ m, np.eye(32), atol=1e-5)
    assert np.abs(m - np.eye(32)).max() > 0.1
    batch = _host(draw(jax.random.key(9), N, ROTATED))
    for row in range(16):
        by_columns = sum(batch.code[row, j] * m[:, j] for j in range(32))
        np.testing.assert_allclose(batch.x[row], by_columns, atol=1e-5)
    np.testing.assert_allclose(fixed.to_code(jnp.asarray(batch.x)), batch.code, atol=1e-5)
    np.testing.assert_allclose(fixed.to_input(jnp.asarray(batch.code)), batch.x, atol=1e-5)
    other = instance(replace(ROTATED, instance_seed=1))
    assert other.dictionary is not None
    assert np.abs(np.asarray(other.dictionary) - m).max() > 0.1
    assert np.abs(np.asarray(other.label_weights) - np.asarray(fixed.label_weights)).max() > 0.1


def test_gaussian_noise_has_its_variance_and_leaves_code_and_label_alone():
    quiet = _host(draw(jax.random.key(10), N, ROTATED))
    loud = _host(draw(jax.random.key(10), N, replace(ROTATED, noise=0.7)))
    np.testing.assert_array_equal(loud.code, quiet.code)
    np.testing.assert_array_equal(loud.y, quiet.y)
    xi = (loud.x - quiet.x).astype(np.float64)
    scale = 0.7 / math.sqrt(32)
    assert has_law(xi[:, ::8].ravel() / scale, stats.norm.cdf)
    close_mean((xi**2).sum(axis=1), 0.7**2)
    covariance = xi.T @ xi / N
    np.testing.assert_allclose(covariance, scale**2 * np.eye(32), rtol=0, atol=5 * scale**2 * math.sqrt(2 / N))
    cross = quiet.code.astype(np.float64).T @ xi / N
    error = np.sqrt(float(second_moment(ROTATED)) * scale**2 / N)
    np.testing.assert_allclose(cross, 0.0, rtol=0, atol=5.5 * error)  # 1024 entries


def test_spikes_have_their_height_and_variance_along_the_dictionary():
    config = replace(ROTATED, spike_noise=1.5)
    batch = _host(draw(jax.random.key(11), N, config))
    spike = np.asarray(instance(config).to_code(jnp.asarray(batch.x))).astype(np.float64) - batch.code
    there = np.abs(spike) > 1e-3
    np.testing.assert_allclose(np.abs(spike[there]), 5**-0.501, atol=1e-5)
    close_rate(there, 1.5**2 * 5**1.002 / 32)
    close_mean(spike**2, 1.5**2 / 32)
    close_rate(spike[there] > 0, 0.5)
    close_mean(there * (batch.code != 0), there.mean() * (batch.code != 0).mean())


# Keys, shapes and compilation


def test_same_key_same_batch():
    config = replace(MIXED, margin=1.0)
    first, again, other = (draw(jax.random.key(k), N, config) for k in (3, 3, 4))
    chex.assert_trees_all_equal(first, again)
    assert bool((first.code != other.code).any())


def test_rows_differ():
    z = batch_of("mixed").code[:2000]
    full = z[(z != 0).sum(axis=1) >= 2]
    assert len(np.unique(full, axis=0)) == len(full)


def test_vmap_over_keys_and_margins_gives_each_its_own_batch():
    """Also when M and w* are drawn beforehand."""
    margins = jnp.array([0.0, 1.0, 2.0])  # so that each needs its own number of rounds
    keys = jax.random.split(jax.random.key(5), 3)
    fixed = instance(UNEQUAL)
    batched = jax.vmap(lambda key, margin: sample(key, N, replace(UNEQUAL, margin=margin), fixed))
    many = jax.jit(batched)(keys, margins)
    chex.assert_shape(many.x, (3, N, 32))
    for s in range(3):
        one = draw(keys[s], N, replace(UNEQUAL, margin=float(margins[s])))
        chex.assert_trees_all_close(jax.tree.map(lambda leaf, s=s: leaf[s], many), one, atol=1e-6)
        score = np.asarray(one.code) @ np.asarray(fixed.label_weights)
        assert np.abs(score).min() >= margins[s] - 1e-5


def test_values_do_not_recompile_and_one_sample_is_a_batch():
    before = traces
    for value, margin, spread, noise in ((1.0, 0.0, 0.0, 0.1), (2.0, 1.5, 0.5, 0.3), (1.5, 0.5, 0.1, 0.0)):
        config = replace(MIXED, value_max=value, margin=margin, label_spread=spread)
        batch = draw(jax.random.key(0), 1, replace(config, noise=noise, spike_noise=noise))
        chex.assert_shape([batch.x, batch.code], (1, 32))
        chex.assert_shape(batch.y, (1,))
        chex.assert_type(list(batch), jnp.float32)
        chex.assert_tree_all_finite(batch)
    assert traces == before + 1


# Errors


@pytest.mark.parametrize(
    "change,words",
    [
        ({"dimension": 1}, "dimension d = 1 "),
        ({"sparsity": 0}, "sparsity k = 0 .*at least 1"),
        ({"sparsity": 33}, "sparsity k = 33 .*d = 32"),
        ({"nonzero_rate": -0.5}, "nonzero_rate a₂ = -0.5 "),
        ({"atom_rate": -0.1}, "atom_rate a₁ = -0.1 "),
        ({"atom_rate": 0.0, "nonzero_rate": 0.0}, "nonzero_rate a₂, atom_rate a₁.* = 0.0 .*probability"),
        ({"nonzero_rate": 10.0}, "nonzero_rate a₂, atom_rate a₁.*probability"),
        ({"value_max": 0.9}, "value_max c = 0.9 .*1 ≤ c"),
        ({"value_max": 2.5}, "value_max c = 2.5 .*c ≤ √k = 2.24"),
        ({"value_max": math.nan}, "value_max c = nan "),
        ({"margin": -1.0}, "margin γ = -1.0 .*γ ≥ 0"),
        ({"margin": math.nan}, "margin γ = nan "),
        ({"margin": 40.0}, "margin γ = 40.0 .*1 in 1000"),
        ({"label_spread": 1.0}, "label_spread s = 1.0 "),
        ({"label_spread": -0.1}, "label_spread s = -0.1 "),
        ({"dictionary": "dct"}, "dictionary = 'dct' .*identity or random"),
        ({"noise": -1.0}, "noise σ_x = -1.0 "),
        ({"spike_noise": -1.0}, "spike_noise σ_s = -1.0 "),
        ({"spike_noise": 3.0}, "spike_noise σ_s = 3.0 .*Pr"),
    ],
    ids=str,
)
def test_validate_names_the_field_and_its_value(change: dict[str, Any], words: str):
    with pytest.raises(ConfigError, match=words):
        validate(replace(MIXED, **change))


@pytest.mark.parametrize("config", [*CASES.values(), SparseCoding(), replace(UNEQUAL, margin=1.0, noise=1.0)])
def test_validate_accepts_members(config):
    validate(config)


def test_instance_maps_keep_leading_axes():
    rotation = jnp.array([[0.0, -1.0], [1.0, 0.0]])
    fixed = Instance(rotation, jnp.ones(2))
    np.testing.assert_allclose(fixed.to_input(jnp.array([1.0, 0.0])), [0.0, 1.0])
    np.testing.assert_allclose(fixed.to_code(jnp.array([[[0.0, 1.0]]])), [[[1.0, 0.0]]])

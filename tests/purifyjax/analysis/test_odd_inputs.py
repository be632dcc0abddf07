"""What is measured on odd inputs: a sentence, or numbers that are told; and what is measured on nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax import stats
from purifyjax.analysis import (
    absolute_cosine,
    angles,
    atoms_needed,
    coverage,
    critical_strength,
    decompose,
    features,
    injection_ratio,
    maximising_inputs,
    participation_ratio,
    reconstruction_errors,
)
from purifyjax.analysis.components import components
from purifyjax.analysis.race import crossing
from purifyjax.data import (
    CodeTable,
    NaturalCodes,
    Patches,
    SparseCoding,
    TabulatedCoding,
    acceptance_rate,
    assumptions,
    natural_codes,
    sample,
    sample_patches,
)
from purifyjax.data.images import Images, standardised
from purifyjax.data.natural import encode
from purifyjax.errors import ConfigError
from purifyjax.sweep import chunk_steps, run_stage, seed_keys, train_stage
from purifyjax.training import Phase, Training, converged, initial_state, low_rank, with_rank

X = np.random.default_rng(0).normal(size=(6, 4))
Y = np.arange(6) % 2
WIDE = np.ones((300, 300))
IMAGES = np.random.default_rng(1).random((2, 3, 3, 1)).astype(np.float32)
KEY = jax.random.key(0)
ODD: list[Any] = [None, "odd", 1j, math.nan, -1, [[1.0], [1.0, 2.0]], {}]
COUNTS: list[Any] = [None, "odd", 1.5, 0, -1, math.inf, True]


def net(x):
    return x @ jnp.ones((4, 2))


def pictures(x: Any) -> Images:
    return Images(x, Y, x, Y, 2, "mnist")


# name: (function of one argument, good values of it, odd ones)
ARGUMENTS: dict[str, tuple[Callable[[Any], Any], list[Any], list[Any]]] = {
    "angles": (lambda a: angles(a, X), [X], [*ODD, X[:2]]),
    "components x": (lambda x: components(x, Y), [X], [*ODD, X[:2], np.full((6, 4), np.inf), np.zeros((0, 4))]),
    "components threshold": (lambda t: components(X, Y, t), [None], [*ODD[1:], math.inf]),
    "maximiser radius": (lambda r: maximising_inputs(KEY, net, 4, r, 1, 1), [None, 1.0], [*ODD[1:], math.inf, 0]),
    "maximiser steps": (lambda n: maximising_inputs(KEY, net, 4, 1.0, n, 1), [1], COUNTS),
    "signals": (lambda s: reconstruction_errors(s, np.eye(1), 1, [0, 1]), [IMAGES], [*ODD, IMAGES[0]]),
    "atoms": (lambda s: reconstruction_errors(IMAGES, np.eye(1), 1, [s]), [0, 1], COUNTS[:3] + COUNTS[4:]),
    "filter size": (lambda k: reconstruction_errors(IMAGES, np.eye(1), k, [1]), [1], [*COUNTS, 2]),
    "tolerance": (lambda t: atoms_needed(np.ones((2, 1)), [3], t), [0.1], [*ODD, math.inf]),
    "atoms needed": (lambda a: atoms_needed(np.ones((2, 1)), a, 0.1), [[1]], [[], [1, 2]]),
    "critical radius": (lambda r: critical_strength(r, 1.0, 1, 2, 3.0), [0.1, np.zeros(2)], [*ODD, math.inf]),
    "critical exponent": (lambda q: critical_strength(0.1, 1.0, 1, 2, q), [3.0], [*ODD, math.inf, 0]),
    "critical patches": (lambda n: critical_strength(0.1, 1.0, 1, n, 3.0), [2], COUNTS),
    "injection radius": (lambda r: injection_ratio(r, 1.0, 1, 2, 3.0), [0.1], [*ODD, math.inf, 1.0]),
    "crossing": (lambda b: crossing(b, np.array([-1.0, 1.0])), [[1, 2]], [*ODD, [1.0], [1, math.inf]]),
    "sparsity": (lambda k: features(jnp.ones((2, 4)), jnp.ones(4), k), [2], COUNTS),
    "coverage": (lambda d: coverage(jnp.zeros(2, int), jnp.ones(2, bool), d), [2], COUNTS),
    "converged": (converged, [np.ones(20)], [*ODD, np.ones(3)]),
    "converged tolerance": (partial(converged, np.ones(20)), [0.0, 0.1], [*ODD, math.inf]),
    "rank": (low_rank, [1, np.int64(2)], COUNTS),
    "lower rank": (lambda r: with_rank({}, r), [1, np.array([1, 2])], [*ODD, 0, 1.5, math.inf]),
    "chunk": (chunk_steps, [1, 60], COUNTS),
    "assumptions": (assumptions, [X], [np.ones(3), np.zeros((0, 4)), np.zeros((3, 3)), np.full((3, 3), np.nan)]),
    "rows apart": (lambda a: assumptions(X, a), [None, np.ones(6, bool)], [np.zeros(6, bool), np.ones(3, bool)]),
    "pictures": (
        lambda p: natural_codes(NaturalCodes(), p),
        [],
        [[], [X[0]], [np.ones((3, 3))], [np.full((300, 300), np.nan)]],
    ),
    "samples of rows": (lambda n: standardised(pictures(IMAGES), n, 1), [1, 5], COUNTS),
    "rows of images": (
        lambda x: standardised(pictures(x), 1, 1),
        [],
        [IMAGES[:0], IMAGES * np.nan, np.ones((2, 3, 3, 1))],
    ),
    "acceptance": (lambda n: acceptance_rate(SparseCoding(), n), [8], COUNTS),
    "successes": (lambda s: stats.clopper_pearson(s, 5), [2, [1, 2], []], [*ODD, 1.5, 7]),
    "trials": (lambda n: stats.clopper_pearson(0, n), [2, [1, 2], []], [*ODD, 1.5, 0, math.inf]),
    "unequal counts": (lambda s: stats.clopper_pearson(s, [5, 5]), [[1, 2]], [[1, 2, 3]]),
    "values": (stats.mean_interval, [[], [1.0], X], [*ODD[:4], *ODD[5:]]),
    "median": (stats.median_interval, [[], [1.0], X], [*ODD[:4], *ODD[5:]]),
    "confidence": (lambda c: stats.mean_interval([1.0, 2.0], c), [0.9], [*ODD, 0, 1, [0.9], True]),
    "parts": (lambda a: stats.ratio_interval(a, [1.0, 2.0]), [[1.0, 2.0]], [*ODD, [1.0]]),
    "table": (stats.two_level_interval, [X], [*ODD[:4], *ODD[5:], [1.0]]),
    "seed": (lambda s: stats.ratio_of_medians_interval([1.0, 2.0], [1.0, 2.0], s), [0], COUNTS[:3] + COUNTS[4:]),
    "lost": (lambda n: stats.paired_difference_interval(n, 1, 9), [0, [1, 2], []], [*ODD, 1.5, 9]),
    "inputs": (lambda x: stats.adjusted_r_squared(x, X[:, 0]), [X[:, 1:]], [*ODD, X * math.nan]),
    "line": (lambda x: stats.weighted_line_fit(x, [1.0, 2.0], [1.0, 1.0]), [[0.0, 1.0]], [*ODD, [1.0, 1.0]]),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_odd_arguments_are_one_sentence(name):
    function, good, odd = ARGUMENTS[name]
    for value in good:
        function(value)
    for value in odd:
        with pytest.raises(ConfigError) as error:
            function(value)
        assert "\n" not in str(error.value), value


# Nothing to measure

SMALL = SparseCoding(dimension=6, sparsity=2, value_max=1.2, noise=0.1, spike_noise=0.1)
ROWS = TabulatedCoding(dimension=2, sparsity=1, table=CodeTable(jnp.eye(2)))


@pytest.mark.parametrize(
    "config", [SMALL, SMALL.replace(dictionary="random", margin=0.3), ROWS], ids=["plain", "M", "table"]
)
def test_no_samples_are_no_rows(config):
    batch = sample(KEY, 0, config)
    assert batch.x.shape == batch.code.shape == (0, config.dimension) and batch.y.shape == (0,)


def test_no_samples_of_patches_are_no_rows():
    batch = sample_patches(KEY, 0, Patches(dimension=4))
    assert batch.x.shape == (0, 18 * 4) and batch.y.shape == (0,) and batch.robust.shape == (0, 18)


@pytest.mark.parametrize("n", [-1, 1.5, None, "3", True])
def test_odd_numbers_of_samples_are_refused(n):
    for draw in (lambda: sample(KEY, n, SMALL), lambda: sample_patches(KEY, n, Patches(dimension=4))):
        with pytest.raises(ConfigError, match="^n = "):
            draw()


def test_no_rows_have_no_codes():
    codes, missed = encode(np.zeros((0, 3), np.float32), np.eye(3, dtype=np.float32), 0.5)
    assert codes.shape == (0, 3) and missed.shape == (0,)


def test_no_values_say_nothing():
    everything = (-math.inf, math.inf)
    assert stats.mean_interval([]) == stats.median_interval([]) == stats.ratio_interval([], []) == everything
    assert stats.two_level_interval(np.zeros((0, 3))) == everything
    assert all(end.shape == (0,) for end in stats.clopper_pearson([], []))
    assert all(end.shape == (0,) for end in stats.paired_difference_interval([], [], 5))


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_an_infinite_value_says_nothing_about_a_mean(value):
    everything = (-math.inf, math.inf)
    assert stats.mean_interval([1.0, value, 2.0]) == everything
    assert stats.ratio_interval([1.0, value], [1.0, 1.0]) == everything
    assert stats.two_level_interval([[1.0, value], [1.0, 2.0]]) == everything


def test_a_loss_that_is_not_finite_has_not_converged():
    for bad in (math.nan, math.inf):
        assert not converged(np.full(40, bad)).converged


def test_sweeps_without_seeds_or_steps_are_refused():
    config = Training(SMALL, 2, (), ())
    state = jax.vmap(lambda key: initial_state(key, config))(seed_keys(np.arange(2)))
    for keys, states in ((seed_keys(np.arange(2))[:0], state), (seed_keys(np.arange(3)), state), (KEY, state)):
        with pytest.raises(ConfigError, match="number"):
            train_stage(keys, states, config, (Phase(1, 2, 0.1),))
    with pytest.raises(ConfigError, match="phases"):
        train_stage(seed_keys(np.arange(2)), state, config, ("phase",))  # type: ignore[arg-type]
    for length in (0, 1.5, None):
        with pytest.raises(ConfigError, match="length of phase 0 = "):
            run_stage(lambda *_: None, state, [length])  # type: ignore[arg-type]


@pytest.mark.parametrize("scale", [1e-30, 1e-20, 1e20, 1e30])
def test_statistics_of_weights_have_no_scale(scale):
    rng = np.random.default_rng(0)
    w, robust = (jnp.asarray(rng.normal(size=(4, 6)), jnp.float32) for _ in range(2))
    by, weights = jnp.float32(scale), jnp.ones(6)
    plain, louder = decompose(w, robust), decompose(by * w, robust)
    for mine, theirs in zip(plain, louder, strict=True):
        np.testing.assert_allclose(np.asarray(theirs, float) / scale, mine, rtol=1e-5)
    quiet = decompose(w, by * robust)
    np.testing.assert_allclose(np.asarray(quiet.beta, float) * scale, plain.beta, rtol=1e-5)
    np.testing.assert_allclose(quiet.remainder, plain.remainder, rtol=1e-5)
    np.testing.assert_allclose(absolute_cosine(by * w, by * robust), absolute_cosine(w, robust), rtol=1e-5)
    np.testing.assert_allclose(participation_ratio(by * w), participation_ratio(w), rtol=1e-5)
    for mine, theirs in zip(features(w, weights, 2), features(by * w, weights, 2), strict=True):
        np.testing.assert_allclose(theirs, mine, rtol=1e-4)

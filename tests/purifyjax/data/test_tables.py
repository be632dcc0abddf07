"""Sampling rows of a table of codes: which rows, how often, and how configs with a table are told apart."""

from __future__ import annotations

import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from purifyjax.attacks import FGM
from purifyjax.data import (
    CodeTable,
    SparseCoding,
    TabulatedCoding,
    acceptance_rate,
    instance,
    label_std,
    sample,
    second_moment,
    validate,
)
from purifyjax.errors import ConfigError
from purifyjax.sweep import describe, fingerprint, seed_keys
from purifyjax.training import Phase, Training, train

ROWS, D, MARGIN = 60, 8, 1.0
traces = 0


def codes(seed=0):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((ROWS, D)) * (rng.uniform(size=(ROWS, D)) < 0.5)).astype(np.float32)


def config(seed=0, **changes):
    table = CodeTable(jnp.asarray(codes(seed)))
    return TabulatedCoding(**({"dimension": D, "sparsity": 4, "margin": MARGIN, "table": table} | changes))


def _counted(key, n, config):
    global traces
    traces += 1
    return sample(key, n, config)


draw = jax.jit(_counted, static_argnums=1)


def test_rows_that_meet_the_margin_are_equally_likely_and_the_others_never_come():
    table = codes()
    met = np.flatnonzero(np.abs(table.sum(axis=1)) >= MARGIN)
    assert 5 < len(met) < ROWS
    batch = draw(jax.random.key(0), 4000, config())
    # Each drawn code is a row, found by its numbers.
    distance = np.abs(np.asarray(batch.code)[:, None] - table[None]).max(axis=2)
    row = distance.argmin(axis=1)
    assert np.all(distance.min(axis=1) == 0)
    counts = np.bincount(row, minlength=ROWS)
    assert np.all(np.delete(counts, met) == 0)
    assert stats.chisquare(counts[met]).pvalue > 1e-4
    np.testing.assert_array_equal(batch.x, batch.code)
    np.testing.assert_array_equal(batch.y, np.where(table[row].sum(axis=1) >= 0, 1, -1))


def test_without_a_margin_every_row_comes():
    batch = draw(jax.random.key(1), 4000, config(margin=0.0))
    assert len(np.unique(np.asarray(batch.code), axis=0)) == len(np.unique(codes(), axis=0))


def test_tables_of_one_shape_share_a_program():
    draw(jax.random.key(0), 16, config())
    before = traces
    other = draw(jax.random.key(0), 16, config(seed=1, margin=0.5))
    assert traces == before
    assert np.all(np.abs(np.asarray(other.code).sum(axis=1)) >= 0.5)


def test_dictionary_labels_and_noise_are_those_of_the_family():
    rotated = config(dictionary="random", label_spread=0.5, noise=0.1, margin=0.3)
    fixed = instance(rotated)
    batch = sample(jax.random.key(2), 3000, rotated)
    noise = np.asarray(batch.x - fixed.to_input(batch.code))
    assert noise.std() == pytest.approx(0.1 / np.sqrt(D), rel=0.05)
    score = np.asarray(batch.code @ fixed.label_weights)
    assert np.all(np.abs(score) >= 0.3 - 1e-5) and np.all(np.sign(score) == np.asarray(batch.y))
    plain = rotated.untabulated
    assert type(plain) is SparseCoding and plain.label_spread == 0.5
    for one, two in zip(instance(plain), fixed, strict=True):
        np.testing.assert_array_equal(one, two)


def test_moments_are_those_of_the_table():
    table, spread = codes().astype(np.float64), config(label_spread=0.4)
    weights = np.asarray(instance(spread).label_weights, np.float64)
    assert float(second_moment(spread)) == pytest.approx(np.mean(table**2), rel=1e-5)
    assert label_std(spread) == pytest.approx(np.sqrt(np.mean((table @ weights) ** 2)), rel=1e-5)
    assert acceptance_rate(spread) == pytest.approx(np.mean(np.abs(table @ weights) >= MARGIN))


def test_a_table_without_such_a_row_gives_nan_and_is_refused():
    rare = config(margin=1e3)
    batch = draw(jax.random.key(0), 16, rare)
    assert np.isnan(batch.x).all() and np.isnan(batch.code).all()
    with pytest.raises(ConfigError, match="margin γ = 1000"):
        validate(rare)


def test_settings_are_validated():
    validate(config())
    with pytest.raises(ConfigError, match=r"table = CodeTable\(shape=\(60, 8\)\) .*d = 9 numbers"):
        validate(config(dimension=9))
    for wrong in (jnp.zeros((0, D)), jnp.zeros(D)):
        with pytest.raises(ConfigError, match="at least one row of d = 8"):
            validate(config(table=CodeTable(wrong)))
    # The rates of the drawn distribution mean nothing here.
    validate(config(atom_rate=100.0, value_max=100.0))
    with pytest.raises(ConfigError, match="sparsity"):
        validate(config(sparsity=9))


def test_a_table_is_told_by_its_numbers_and_written_by_its_hash():
    one, same, other = config(), config(), config(seed=1)
    assert one == same and hash(one) == hash(same) and fingerprint(one) == fingerprint(same)
    assert one != other and fingerprint(one) != fingerprint(other)
    assert one != config(margin=0.5)
    changed = np.array(codes())
    changed[0, 0] += 1e-6
    assert config(table=CodeTable(jnp.asarray(changed))) != one
    reshaped = CodeTable(jnp.asarray(codes().reshape(ROWS // 2, 2 * D)))
    assert reshaped != one.table and reshaped != codes()
    written = describe(one)
    assert written["table"]["shape"] == [ROWS, D] and len(json.dumps(written)) < 500
    assert "table" not in describe(SparseCoding())


def test_the_network_is_trained_on_rows_of_the_table():
    phase = Phase(30, 32, 0.3, threshold=0.5)
    run = Training(config(), 16, (phase,), (replace(phase, adversary=FGM(), radius=0.1),))
    found = jax.jit(train)(seed_keys(np.array([0]))[0], run)
    assert not found.diverged
    # Codes of which only the first coordinate tells the label can be learned from nothing else.
    single = np.zeros((ROWS, D), np.float32)
    single[:, 0] = np.where(np.arange(ROWS) % 2 == 0, 1.5, -1.5)
    of_single = jax.jit(train)(
        seed_keys(np.array([0]))[0], run.replace(data=config(table=CodeTable(jnp.asarray(single))))
    )
    growth = np.abs(np.asarray(of_single.w_clean - of_single.w_init)).max(axis=0)
    assert growth[0] > 0.1 and np.all(growth[1:] < 1e-6)

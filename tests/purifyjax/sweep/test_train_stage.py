"""The host loop gives the numbers of the pure function, whatever interrupts it."""

from typing import Any

import jax
import numpy as np
import pytest

from purifyjax.data import SparseCoding
from purifyjax.sweep import loop as module
from purifyjax.sweep import seed_keys, train_stage
from purifyjax.sweep import train as stage
from purifyjax.training import Phase, Training, initial_state, train
from purifyjax.training.trajectory import stage_keys

CONFIG = Training(
    SparseCoding(dimension=24, sparsity=4, value_max=1.5),
    neurons=16,
    clean=(Phase(6, 8, 0.2, threshold=1.0), Phase(4, 8, 0.1, 0.02, threshold=1.0)),
    robust=(),
    init_scale=0.3,
)
SEEDS = np.array([0, 4])


class KilledError(Exception):
    """Stands for a run that dies."""


@pytest.fixture
def short_chunks(monkeypatch):
    monkeypatch.setattr(module, "_CHUNK_STEPS", 2)
    monkeypatch.setattr(module, "_CHECKPOINT_SECONDS", -1.0)


def start():
    keys = jax.vmap(stage_keys)(seed_keys(SEEDS))
    return keys[1], jax.vmap(lambda k: initial_state(k, CONFIG))(keys[0])


def test_the_stage_equals_the_pure_function(short_chunks):
    keys, states = start()
    done = []
    result = train_stage(keys, states, CONFIG, CONFIG.clean, progress=lambda n, loss: done.append(n))
    for i, key in enumerate(seed_keys(SEEDS)):
        np.testing.assert_allclose(result.state.weight[i], train(key, CONFIG).w_clean, rtol=1e-4, atol=1e-5)
    assert sum(done) == 10
    np.testing.assert_array_equal(result.history["step"], [2, 4, 6, 8, 10])
    assert result.history["loss"].shape == (5, 2)


def test_a_seed_does_not_depend_on_its_company(short_chunks):
    keys, states = start()
    alone = train_stage(keys[1:], jax.tree.map(lambda leaf: leaf[1:], states), CONFIG, CONFIG.clean)
    both = train_stage(*start(), CONFIG, CONFIG.clean)
    np.testing.assert_allclose(alone.state.weight[0], both.state.weight[1], rtol=1e-5)


@pytest.mark.parametrize("after", [1, 3, 4])
def test_a_killed_run_goes_on_where_it_was(tmp_path, short_chunks, after):
    checkpoint = tmp_path / "part.npz"
    whole = train_stage(*start(), CONFIG, CONFIG.clean)
    calls = []

    def killer(steps, loss):
        calls.append(steps)
        if len(calls) > after:
            raise KilledError

    with pytest.raises(KilledError):
        train_stage(*start(), CONFIG, CONFIG.clean, checkpoint=checkpoint, mark="m", progress=killer)
    assert checkpoint.exists()
    seen = []
    result = train_stage(
        *start(),
        CONFIG,
        CONFIG.clean,
        checkpoint=checkpoint,
        mark="m",
        progress=lambda n, loss: seen.append(n),
    )
    # The chunk whose report was cut off is not done again.
    assert seen == [2 * (after + 1)] + [2] * (4 - after)
    np.testing.assert_array_equal(result.state.weight, whole.state.weight)
    for name, values in whole.history.items():
        np.testing.assert_array_equal(result.history[name], values)
    assert not checkpoint.exists()


def test_another_run_s_checkpoint_is_not_used(tmp_path, short_chunks):
    checkpoint = tmp_path / "part.npz"
    checkpoint.write_bytes(b"something else")
    seen = []
    train_stage(
        *start(),
        CONFIG,
        CONFIG.clean,
        checkpoint=checkpoint,
        mark="m",
        progress=lambda n, loss: seen.append(n),
    )
    assert seen == [2] * 5


def test_a_diverged_seed_leaves_the_others_alone(short_chunks):
    keys, states = start()
    states = states._replace(weight=states.weight.at[0].set(np.inf))
    result = train_stage(keys, states, CONFIG, CONFIG.clean)
    assert not np.isfinite(result.state.weight[0]).all() and np.isfinite(result.state.weight[1]).all()


def test_chunks_divide_the_phase():
    assert [module.chunk_steps(n) for n in (600, 50, 7, 53, 120)] == [50, 50, 7, 1, 40]


def test_phases_of_one_kind_share_a_program(short_chunks, monkeypatch):
    """A stage compiles once a kind of phase, not once a phase."""
    keys, states = start()
    advance: Any = stage._advance
    advance.clear_cache()
    longer = (*CONFIG.clean, CONFIG.clean[0].replace(steps=8, threshold_end=2.0, weight_decay=0.1))
    train_stage(keys, states, CONFIG, longer)
    assert advance._cache_size() == 1

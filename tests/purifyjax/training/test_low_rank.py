"""Updates of bounded rank: known answers, the limit of the full rank, and ranks as an axis."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from purifyjax.errors import ConfigError
from purifyjax.sweep import loop, train_stage
from purifyjax.training import initial_state, low_rank, run_steps, start_stage, train, validate, with_rank

KEY = jax.random.key(3)


def rank(matrix):
    sizes = np.linalg.svd(np.asarray(matrix, np.float64), compute_uv=False)
    return int(np.sum(sizes > 1e-5 * sizes[0]))


def nearest(matrix, r):
    """The best approximation of rank r."""
    left, sizes, right = np.linalg.svd(np.asarray(matrix, np.float64), full_matrices=False)
    return (left[:, :r] * sizes[:r]) @ right[:r]


@pytest.mark.parametrize("shape", [(9, 6), (6, 9)], ids=["tall", "wide"])
@pytest.mark.parametrize("r", [1, 3])
def test_least_squares_ends_at_the_best_approximation_of_its_rank(shape, r):
    """min ‖W − A‖² over W₀ + rank r is W₀ + the truncated singular value decomposition of A − W₀ (Eckart & Young)."""
    start, target = jax.random.normal(KEY, (2, *shape))
    optimizer = optax.chain(optax.trace(0.5), optax.scale_by_learning_rate(0.3), low_rank(r))

    def step(carry, _):
        weight, state = carry
        update, state = optimizer.update(weight - target, state, weight)
        return (optax.apply_updates(weight, update), state), rank_of_all(weight, update)

    def rank_of_all(weight, update):
        return jnp.linalg.svd(weight + update - start, compute_uv=False)

    (weight, _), sizes = jax.lax.scan(step, (start, optimizer.init(start)), length=300)
    np.testing.assert_allclose(weight - start, nearest(target - start, r), atol=1e-4)
    # At every step, not only at the end.
    assert np.all(sizes[:, r:] < 1e-5 * sizes[:, :1])


@pytest.mark.parametrize("shape", [(9, 6), (6, 9)], ids=["tall", "wide"])
def test_the_full_rank_changes_no_step(shape):
    params, updates = jax.random.normal(KEY, (2, *shape))
    link: Any = low_rank(6)
    state = link.init(params)
    for _ in range(3):
        found, state = link.update(updates, state, params)
        np.testing.assert_allclose(found, updates, atol=1e-4)
        params = params + updates


def test_columns_beyond_the_rank_do_not_count():
    """A wide basis with a small rank gives the numbers of a narrow one."""
    params, updates = jax.random.normal(KEY, (2, 9, 6))
    narrow: Any = low_rank(2)
    wide: Any = low_rank(5)
    of_narrow = narrow.init(params)
    of_wide = with_rank(wide.init(params), 2)
    of_wide = of_wide._replace(basis=of_wide.basis.at[:, :2].set(of_narrow.basis))
    for _ in range(3):
        one, of_narrow = narrow.update(updates, of_narrow, params)
        other, of_wide = wide.update(updates, of_wide, params)
        np.testing.assert_allclose(one, other, atol=1e-5)
        params = params + one
    assert not np.any(of_wide.basis[:, 2:])
    assert with_rank(wide.init(params), 9).rank == 5  # never above the largest


@pytest.fixture
def wide(tiny):
    """More neurons than dimensions, d = 24, and thresholds that follow the weights."""
    return tiny.replace(neurons=32, robust=(tiny.robust[0].replace(threshold_rule="per_neuron", threshold=1.5),))


def started(config, r=None):
    """A net with thresholds: without them it is linear, and every gradient has rank 1."""
    state = initial_state(KEY, config)
    state = start_stage(state._replace(threshold=jnp.full(config.neurons, 0.5)), config)
    return state if r is None else state._replace(optimizer=with_rank(state.optimizer, r))


_STEP = jax.jit(run_steps, static_argnames="steps")


def moved(config, state, steps=6):
    """The state after so many steps of the robust stage."""
    for index in range(steps):
        state, _ = _STEP(KEY, state, config, config.robust[0], 0, index, steps=1)
    return state


def test_the_change_keeps_to_the_rank_and_the_full_rank_bounds_nothing(wide):
    bounded, full = (moved(wide.replace(rank=24), started(wide.replace(rank=24), r)).weight for r in (2, 24))
    free = moved(wide, started(wide)).weight
    start = started(wide).weight
    assert rank(bounded - start) == 2 and rank(free - start) > 6
    np.testing.assert_allclose(full, free, atol=2e-5)
    assert np.abs(free - start).max() > 1e-2


def test_adam_keeps_to_the_rank(wide):
    config = wide.replace(rank=2, optimizer="adam")
    assert rank(moved(config, started(config), steps=3).weight - started(config).weight) == 2


def test_only_the_robust_stage_is_bounded(tiny):
    found = jax.jit(train)(KEY, tiny.replace(clean=tiny.clean[:1], rank=2))
    assert rank(found.w_robust - found.w_clean) == 2 < rank(found.w_clean - found.w_init)


def test_thresholds_follow_the_merged_weights(wide):
    """The rule of the second step sees the weights that the first one has made."""
    start = started(wide.replace(rank=24), 1)
    merged = moved(wide.replace(rank=24), start, steps=1).weight
    threshold = moved(wide.replace(rank=24), start, steps=2).threshold
    norms = np.linalg.norm(merged, axis=1)
    np.testing.assert_allclose(threshold, threshold[0] / norms[0] * norms, rtol=1e-5)
    assert np.ptp(norms / np.linalg.norm(start.weight, axis=1)) > 1e-3


RANKS = [1, 2, 4]


def axis_of_ranks(config):
    """The same net at every rank."""
    states = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(started(config, r) for r in RANKS))
    return jnp.stack([KEY] * len(RANKS)), states


def test_ranks_are_an_axis_of_one_stage_which_goes_on_after_an_interruption(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "_CHUNK_STEPS", 2)
    monkeypatch.setattr(loop, "_CHECKPOINT_SECONDS", -1.0)
    config = tiny.replace(rank=4)
    whole = train_stage(*axis_of_ranks(config), config, config.robust).state
    assert [rank(weight - started(config).weight) for weight in whole.weight] == RANKS
    seen = []

    def part(stop_after):
        def report(steps, loss):
            seen.append(steps)
            if len(seen) > stop_after:
                raise KeyboardInterrupt

        place = tmp_path / "part.npz"
        return train_stage(*axis_of_ranks(config), config, config.robust, checkpoint=place, progress=report).state

    with pytest.raises(KeyboardInterrupt):
        part(0)
    seen.clear()
    np.testing.assert_array_equal(part(9).weight, whole.weight)
    assert seen == [2, 2]


@pytest.mark.parametrize("r", [0, 17])
def test_a_rank_out_of_range_is_named(tiny, r):
    with pytest.raises(ConfigError, match=rf"rank r = {r} .*(at least 1|min\(m, d\) = 16)"):
        validate(tiny.replace(rank=r))

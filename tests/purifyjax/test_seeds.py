"""Seeds: a key each, how many at once, and shared out over cores with nothing lost or out of place."""

import os
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax import sweep
from purifyjax.seeds import in_threads, join, seed_groups, seed_keys, seeds_at_once, take


@pytest.mark.parametrize(
    ("cores", "seeds", "sizes"), [(1, 3, [3]), (2, 5, [3, 3]), (4, 2, [1, 1]), (4, 5, [2, 2, 2]), (3, 9, [3, 3, 3])]
)
def test_groups_of_one_size_hold_all_seeds_and_join_to_them(monkeypatch, cores, seeds, sizes):
    monkeypatch.setitem(os.environ, "PJRT_NPROC", str(cores))
    groups = seed_groups(seeds)
    assert [len(group) for group in groups] == sizes
    values = {"w": 2 * jnp.arange(seeds)}
    joined = join([take(group, values) for group in groups], seeds)
    np.testing.assert_array_equal(joined["w"], values["w"])


def test_a_group_takes_its_part_of_every_leaf():
    tree = {"w": jnp.arange(12.0).reshape(4, 3), "more": (jnp.arange(4),)}
    own = take(np.array([1, 2]), tree)
    np.testing.assert_array_equal(own["w"], [[3, 4, 5], [6, 7, 8]])
    np.testing.assert_array_equal(own["more"][0], [1, 2])


@pytest.mark.parametrize("compiled", [False, True])
def test_results_come_in_the_order_of_the_groups(compiled):
    run = jax.jit(lambda x, scale: {"double": scale * x})
    found = in_threads(run, [(jnp.arange(2.0), 2.0), (jnp.arange(2.0, 5.0), 2.0)], compiled=compiled)
    np.testing.assert_array_equal(np.concatenate([part["double"] for part in found]), [0, 2, 4, 6, 8])


def test_groups_run_side_by_side_only_once_compiled():
    names = set()
    meeting = threading.Barrier(2, timeout=10)

    def run(wait):
        names.add(threading.current_thread().name)
        if wait:
            meeting.wait()  # only reached by both if they run at the same time
        return jnp.zeros(1)

    in_threads(run, [(False,), (False,)], compiled=False)
    assert names == {threading.main_thread().name}
    in_threads(run, [(True,), (True,)], compiled=True)
    assert len(names) == 3


def test_a_seed_s_key_is_its_own_whoever_is_beside_it():
    keys = seed_keys(np.array([3, 0, 7]))
    assert keys.shape == (3,)
    for key, seed in zip(keys, (3, 0, 7), strict=True):
        np.testing.assert_array_equal(jax.random.key_data(key), jax.random.key_data(jax.random.key(seed)))
    assert len({tuple(row) for row in np.asarray(jax.random.key_data(keys)).tolist()}) == 3


class Device:
    """A device that tells of its memory what it is made to tell."""

    def __init__(self, platform, stats):
        self.platform = platform
        self.memory_stats = lambda: stats


@pytest.mark.parametrize(
    ("platform", "stats", "at_once"),
    [
        ("cpu", {"bytes_limit": 1000}, 1),
        ("gpu", {"bytes_limit": 1000}, 6),  # 60% of the memory, at 100 bytes a seed
        ("gpu", {"bytes_limit": 1_000_000}, 20),
        ("gpu", {"bytes_limit": 10}, 1),
        ("gpu", {}, 20),
        ("tpu", None, 20),
    ],
)
def test_as_many_seeds_at_once_as_the_memory_holds(monkeypatch, platform, stats, at_once):
    monkeypatch.setattr(jax, "devices", lambda: [Device(platform, stats)])
    assert seeds_at_once(100, 20) == at_once


def test_the_sweep_still_names_them():
    assert sweep.seed_keys is seed_keys and sweep.seeds_at_once is seeds_at_once

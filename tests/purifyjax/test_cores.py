"""Seeds shared out over cores: nothing lost, nothing out of place, compiled once."""

import os
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.cores import in_threads, join, seed_groups, take


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

"""Seeds: a key each, how many at once, and shared out over cores with nothing lost or out of place."""

import os
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax import sweep
from purifyjax.seeds import Cut, alone, cores, each, interruptible, over_seeds, seed_keys, seeds_at_once, take


def test_every_seed_is_a_call_of_its_own_on_a_cpu_and_results_come_in_their_order():
    sizes = []

    def run(own, scale):
        sizes.append(len(own["w"]))
        return {"double": scale * own["w"]}

    for _ in ("not compiled", "compiled"):
        found = over_seeds(run, ({"w": jnp.arange(5.0)},), 2.0)
        np.testing.assert_array_equal(found["double"], [0, 2, 4, 6, 8])
    assert set(sizes) == {1}


def test_all_seeds_are_one_call_on_an_accelerator(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    sizes = []
    found = over_seeds(lambda own: sizes.append(len(own)) or own, (jnp.arange(5.0),))
    np.testing.assert_array_equal(found, np.arange(5.0))
    assert sizes == [5]


def test_a_seed_has_the_same_bits_whoever_is_beside_it():
    """A program for several seeds may round in another way than that for one."""
    run = jax.jit(lambda keys: jax.lax.map(lambda key: jnp.tanh(jax.random.normal(key, (64, 64)) @ jnp.ones(64)), keys))
    keys = seed_keys(np.arange(5))
    together = over_seeds(run, (keys,))
    for s in range(5):
        np.testing.assert_array_equal(over_seeds(run, (keys[s : s + 1],))[0], together[s])


def test_a_group_takes_its_part_of_every_leaf():
    tree = {"w": jnp.arange(12.0).reshape(4, 3), "more": (jnp.arange(4),)}
    own = take(np.array([1, 2]), tree)
    np.testing.assert_array_equal(own["w"], [[3, 4, 5], [6, 7, 8]])
    np.testing.assert_array_equal(own["more"][0], [1, 2])


def test_seeds_run_side_by_side_only_once_compiled(monkeypatch):
    monkeypatch.setitem(os.environ, "PJRT_NPROC", "2")
    names, meet = [], []
    meeting = threading.Barrier(2, timeout=10)

    def run(own, steps):
        names.append(threading.current_thread().name)
        if meet:
            meeting.wait()  # only reached by both if they run at the same time
        return own

    def called(*arguments, **options):
        names.clear()
        over_seeds(run, *arguments, **options)
        return names

    assert called((jnp.zeros(3),), 5)[0] == threading.main_thread().name  # compiles alone, before the others
    meet.append(True)
    assert len(set(called((jnp.ones(2),), 5))) == 2  # other values, the same program
    meet.clear()
    for other in ((jnp.zeros((2, 4)),), 5), ((jnp.zeros(2),), 6):
        assert called(*other)[0] == threading.main_thread().name
    assert set(called((jnp.zeros(3),), 5, threads=1)) == {threading.main_thread().name}


@pytest.mark.parametrize(
    ("said", "count"), [("3", 3), *((odd, os.cpu_count()) for odd in ("0", "abc", "-1", "1.5", ""))]
)
def test_cores_are_as_many_as_xla_takes(said, count, monkeypatch):
    monkeypatch.setenv("PJRT_NPROC", said)
    assert cores() == count


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


def test_a_cut_sample_is_copied_once_a_seed():
    """What many calls are given, a large sample say, is not copied with each of them."""
    x = jnp.arange(12.0).reshape(3, 4)
    cut = Cut(x)
    first = take(np.array([1]), (cut, x))
    np.testing.assert_array_equal(first[0], first[1])
    assert take(np.array([1]), cut) is first[0] and take(np.arange(3), cut) is x


def test_each_seed_is_mapped_with_a_loop_and_alone_without_one():
    def double(args):
        return {"twice": 2.0 * args[0]}

    for seeds in (1, 3):
        own = (jnp.arange(4.0 * seeds).reshape(seeds, 4),)
        np.testing.assert_array_equal(each(double, own)["twice"], 2.0 * own[0])
        assert ("scan" in str(jax.make_jaxpr(lambda own: each(double, own))(own))) == (seeds > 1)


def test_no_more_calls_run_at_a_time_than_there_are_cores_however_many_threads_ask(monkeypatch):
    monkeypatch.setitem(os.environ, "PJRT_NPROC", "2")
    lock, running, most = threading.Lock(), [], []

    def run(own):
        with lock:
            running.append(own)
            most.append(len(running))
        time.sleep(0.01)
        with lock:
            running.pop()
        return own

    threads = [threading.Thread(target=over_seeds, args=(run, (jnp.zeros(4),))) for _ in range(4)]
    for thread in threads:
        thread.start()
    with alone():
        assert not running  # nobody else computes
    for thread in threads:
        thread.join()
    assert max(most) <= 2 and len(most) == 16


def test_calls_end_with_what_their_look_raises():
    def stop():
        raise KeyError("ended")

    with interruptible(stop), pytest.raises(KeyError, match="ended"):
        over_seeds(lambda own: own, (jnp.zeros(2),))
    assert over_seeds(lambda own: own, (jnp.zeros(2),)).shape == (2,)

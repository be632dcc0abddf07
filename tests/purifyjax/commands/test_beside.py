"""Work side by side: begun in order, at the same time, and ended together by whatever ends one part."""

import threading
import time

import jax.numpy as jnp
import pytest

from purifyjax.commands.beside import Ended, as_done, look
from purifyjax.commands.progress import Progress
from purifyjax.seeds import over_seeds


def test_items_are_done_at_the_same_time_and_each_comes_with_its_result():
    meeting = threading.Barrier(3, timeout=10)

    def work(item):
        meeting.wait()  # only reached by all three if they run at the same time
        return 10 * item

    assert dict(as_done(work, [1, 2, 3], 3)) == {1: 10, 2: 20, 3: 30}


def test_one_worker_takes_turns_in_the_same_thread():
    order = []

    def work(item):
        order.append(item)
        return threading.current_thread()

    found = []
    for item, thread in as_done(work, "abc", 1):
        order.append(item.upper())
        found.append(thread)
    assert order == ["a", "A", "b", "B", "c", "C"] and set(found) == {threading.current_thread()}


def test_items_begin_in_their_order():
    begun, rest = [], threading.Event()

    def work(item):
        if item == 0:
            assert rest.wait(10)  # while the other worker does all that follows
            return
        begun.append(item)
        if item == 19:
            rest.set()

    assert len(list(as_done(work, list(range(20)), 2))) == 20
    assert begun == list(range(1, 20))


def waits_for_the_end(left):
    """Work that looks now and then, and notes that it ended."""

    def work(item):
        if item == "breaks":
            raise OSError("disk full")
        try:
            for _ in range(2000):
                look()
                time.sleep(0.01)
        except Ended:
            left.append(item)
            raise
        raise AssertionError("it was never told to end")

    return work


def test_an_error_ends_the_others_and_is_raised_when_they_have_ended():
    left = []
    with pytest.raises(OSError, match="disk full"):
        list(as_done(waits_for_the_end(left), ["waits", "breaks", "late"], 2))
    assert left == ["waits"]  # and the third was never begun


def test_who_stops_asking_ends_them_all():
    left = []

    def work(item):
        return item if item == "quick" else waits_for_the_end(left)(item)

    items = as_done(work, ["quick", "waits", "waits too"], 3)
    assert next(items) == ("quick", "quick")
    items.close()
    assert sorted(left) == ["waits", "waits too"]
    assert threading.active_count() == 1 or not any("worker" in thread.name for thread in threading.enumerate())


@pytest.mark.parametrize("kind", ["progress", "seeds"])
def test_progress_and_calls_over_seeds_look_too(kind):
    begun = threading.Event()

    def work(item):
        if item == "breaks":
            assert begun.wait(10)
            raise KeyError(item)
        with Progress("waits", silent=True) as progress:
            while True:
                begun.set()
                if kind == "seeds":
                    over_seeds(lambda x: x, (jnp.zeros(2),))
                else:
                    list(progress.over([1]))

    with pytest.raises(KeyError):
        list(as_done(work, ["waits", "breaks"], 2))


def test_nothing_ends_where_nobody_asked_for_it():
    look()

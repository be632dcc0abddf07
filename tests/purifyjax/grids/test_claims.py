"""Only one process holds a name; a dead one's is anybody's."""

import json
import os
import subprocess
import sys
import threading
import time

from purifyjax.grids.claims import Claims


def test_a_name_is_held_once(tmp_path):
    one, other = Claims(tmp_path), Claims(tmp_path)
    with one.claimed("a") as mine, other.claimed("a") as theirs, other.claimed("b") as another:
        assert (mine, theirs, another) == (True, False, True)
        assert other.is_held("a") and not other.is_held("c")
    assert not list(tmp_path.glob("[a-z]*"))
    with other.claimed("a") as mine:
        assert mine


def owner(path, **changed):
    with Claims(path.parent).claimed(path.name):
        about = json.loads(path.read_text())
    path.write_text(json.dumps(about | changed))


def test_the_claim_of_a_process_that_died_is_free(tmp_path):
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    owner(tmp_path / "a", process=done.pid)
    assert not Claims(tmp_path).is_held("a")
    with Claims(tmp_path).claimed("a") as mine:
        assert mine


def test_the_claim_of_another_machine_is_free_when_it_falls_silent(tmp_path):
    path = tmp_path / "a"
    owner(path, host="elsewhere", process=1)
    with Claims(tmp_path, stale=60.0).claimed("a") as mine:
        assert not mine
    before = time.time() - 61.0
    os.utime(path, (before, before))
    with Claims(tmp_path, stale=60.0).claimed("a") as mine:
        assert mine


def test_a_claim_half_written_is_held_until_it_is_stale(tmp_path):
    (tmp_path / "a").write_text("{")
    assert Claims(tmp_path).is_held("a")
    os.utime(tmp_path / "a", (0.0, 0.0))
    assert not Claims(tmp_path).is_held("a")


def test_an_owner_gives_signs_of_life(tmp_path):
    claims = Claims(tmp_path, stale=0.2)
    with claims.claimed("a") as mine:
        owner_of = json.loads((tmp_path / "a").read_text())
        (tmp_path / "a").write_text(json.dumps(owner_of | {"host": "elsewhere"}))
        time.sleep(1.0)
        assert mine and claims.is_held("a")


def test_of_many_who_take_over_one_wins(tmp_path):
    for _ in range(20):
        (tmp_path / "a").write_text("{}")
        os.utime(tmp_path / "a", (0.0, 0.0))
        won, start, end = [], threading.Barrier(8), threading.Barrier(8)

        def contend(won=won, start=start, end=end):
            start.wait()
            with Claims(tmp_path).claimed("a") as mine:
                won.append(mine)
                end.wait()

        threads = [threading.Thread(target=contend) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert won.count(True) == 1

"""What differs in numbers only, in how many points, starts, radii or purposes, shares its programs."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from purifyjax.attacks import APGD, worst_case
from purifyjax.balls import Ball
from purifyjax.data import SparseCoding
from purifyjax.models import NetMargin, SymmetricReLU
from theory_checks.measuring.points import BLOCK, fresh_codes, fresh_points
from theory_checks.spans import recording

DATA = SparseCoding(dimension=24, sparsity=3, margin=0.3)
OF = NetMargin(SymmetricReLU(8, precision=jax.lax.Precision.HIGHEST))
NET = {"weight": jnp.ones((2, 8, 24)), "threshold": jnp.full((2, 8), 0.1)}


def host(array) -> Any:
    return np.asarray(array)


def programs(spans) -> int:
    return int(spans.table().programs.sum())


def test_any_number_of_points_of_any_purpose_takes_one_program():
    seeds = np.array([3, 4])
    fresh_points(seeds, 10, DATA, "robustness")
    with recording() as spans:
        for n in (1, BLOCK, BLOCK + 1, 3 * BLOCK):
            x, y = fresh_points(seeds, n, DATA, "curve")
            assert x.shape == (2, n, 24) and y.shape == (2, n)
        fresh_points(seeds, 50, DATA.replace(margin=0.5), "mechanism")
        fresh_codes(seeds, 20, DATA, "selectivity")
    assert programs(spans) == 0


def test_the_first_points_are_the_same_however_many_are_drawn():
    few, _ = map(np.asarray, fresh_points(np.array([3, 4]), 10, DATA, "curve"))
    many, _ = map(np.asarray, fresh_points(np.array([4, 3]), 2 * BLOCK + 5, DATA, "curve"))
    np.testing.assert_array_equal(few, many[::-1, :10])
    other, _ = fresh_points(np.array([3, 4]), 10, DATA, "robustness")
    every = np.concatenate([many.reshape(-1, 24), other.reshape(-1, 24)])
    assert len(np.unique(every, axis=0)) > 0.99 * len(every)  # in so few dimensions two may be equal by chance


def test_any_number_of_starts_points_and_radii_take_the_programs_of_one_attack():
    x, y = map(host, fresh_points(np.array([3, 4]), 2 * BLOCK, DATA, "curve"))

    def run(attack, n, radius):
        return worst_case(jax.random.key(0), OF, NET, x[:, :n], y[:, :n], Ball(radius), (attack,), chunk=32)

    run(APGD(steps=4), 32, 0.1)
    with recording() as spans:
        for n in (32, 40, 200):
            run(APGD(steps=4, restarts=3), n, 0.2)
            run(APGD(steps=4, restarts=4, first=1, name="others"), n, 0.3)
    assert programs(spans) == 0

"""The worst case at τ and along the curve, with attacks that know the net's structure and without them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from purifyjax.attacks import FGM, CoordinateProfiles, Noise
from purifyjax.balls import Ball
from purifyjax.commands.progress import Progress
from purifyjax.models import NetMargin, SymmetricReLU
from theory_checks.measuring.attacked import FINDINGS, ROBUSTNESS, WINS, attacked

SEEDS = np.array([3, 4])
DIM, CURVE = 8, (0.5, 1.0, 1.25)


def trapped():
    """f(x) = x₀, and a neuron a coordinate that wakes at 0.7 of τ = 1 and costs 6 there: no gradient shows it."""
    weight = np.concatenate([np.eye(DIM)[:1], -20.0 * np.eye(DIM)[1:]])
    threshold = np.concatenate([[0.0], np.full(DIM - 1, 14.0)])
    params = {"weight": np.stack([weight] * 2), "threshold": np.stack([threshold] * 2)}
    x = np.zeros((2, 10, DIM))
    x[..., 0] = np.linspace(0.3, 4.5, 10)
    points = jnp.asarray(x, jnp.float32), jnp.ones((2, 10))
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), params), points


def measured(structural):
    params, points = trapped()
    with Progress("", silent=True) as progress:
        return attacked(
            "toy",
            SEEDS,
            {"robust": params},
            NetMargin(SymmetricReLU(DIM)),
            points,
            points,
            Ball(1.0),
            (Noise(), FGM()),
            (FGM(),),
            progress,
            structural=structural,
            alone=("noise",),
            curve=CURVE,
            chunk=8,
        )


@pytest.fixture(scope="module")
def tables():
    return measured((CoordinateProfiles(),))


def correct(rows: pd.DataFrame, attack: str) -> dict[Any, list[int]]:
    """Points left by radius, one number a row."""
    own = rows[(rows.attack == attack) & (rows.seed == 3)]
    return {radius: group.correct.tolist() for radius, group in own.groupby("radius")}


def test_the_curve_is_told_with_them_and_without(tables):
    rows = tables[ROBUSTNESS]
    # At τ once on the claims' points and once on the curve's.
    assert correct(rows, "worst-gradient") == {0.0: [10], 0.5: [9], 1.0: [8, 8], 1.25: [7]}
    assert correct(rows, "worst") == {0.0: [10], 0.5: [9], 1.0: [0, 0], 1.25: [0]}
    assert set(rows.attack) == {"none", "noise", "worst", "worst-gradient"}
    ROBUSTNESS.checked(rows)


def test_what_they_broke_is_counted(tables):
    wins = tables[WINS].groupby("attack").broke.sum()
    assert wins["profiles"] == 2 * 8 and wins[["noise", "fgm"]].sum() == 2 * 2
    assert set(tables[FINDINGS].run) == {"noise", "fgm", "profiles"} and tables[FINDINGS]["count"].eq(0).all()


def test_without_such_attacks_there_is_one_worst_case(tables):
    plain = measured(())[ROBUSTNESS]
    assert set(plain.attack) == {"none", "noise", "worst"}
    assert correct(plain, "worst") == correct(tables[ROBUSTNESS], "worst-gradient")

"""Balls, attack records and calls with settings that mean nothing: refused in one sentence when they are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.attacks import (
    APGD,
    FGM,
    PGD,
    Along,
    BetweenClasses,
    Square,
    TowardsClasses,
    apgd,
    averaged,
    fgm,
    minimal_norm,
    pgd,
    square,
    standard,
    universal,
    worst_case,
)
from purifyjax.balls import Ball
from purifyjax.errors import ConfigError
from tests.purifyjax.attacks.test_inputs import DIM, KEY, WEIGHT, N, X, Y, linear

ODD_BALLS: dict[str, tuple[Any, ...]] = {
    "upper case": (0.1, "L1"),
    "a number": (0.1, 2),
    "no norm": (0.1, None),
    "nothing": (0.1, ""),
    "negative": (-0.1, "l2"),
    "negative array": (jnp.float32(-0.1), "l2"),
    "NaN": (float("nan"), "linf"),
    "NaN array": (jnp.float32("nan"), "l1"),
    "infinite": (float("inf"), "l2"),
    "beyond float32": (1e300, "l2"),
    "text": ("0.1", "l2"),
    "complex": (1j, "l2"),
    "true": (True, "l2"),
    "half a part": (0.1, "l2", 1.5),
    "no part": (0.1, "l2", 0),
}


@pytest.mark.parametrize("ball", ODD_BALLS)
def test_balls_that_are_none_are_refused_when_they_are_made(ball):
    with pytest.raises(ConfigError, match="is not allowed"):
        Ball(*ODD_BALLS[ball])


def test_traced_and_mapped_balls_are_made_without_a_look():
    radii = jax.vmap(lambda ball: ball.size(jnp.ones((1, 2))) + ball.radius)(Ball(jnp.array([0.0, 1.0])))
    assert radii.shape == (2, 1)
    assert jax.tree.map(lambda _: None, Ball(1.0)).radius is None


GOOD: dict[str, Any] = {"margin_of": lambda p: linear, "ball": Ball(0.1), "attacks": (FGM(),)}


def suite(**options: Any):
    return worst_case(KEY, params=WEIGHT[None], x=X[None], y=Y[None], **{**GOOD, **options})


def test_attacks_may_come_one_by_one():
    """A generator is no empty suite."""
    np.testing.assert_array_equal(suite(attacks=(a for a in (FGM(),))).margin, suite().margin)


NAN = float("nan")
ODD_SETTINGS: dict[str, Callable[[], Any]] = {
    "half a step": lambda: PGD(steps=2.5),  # pyright: ignore
    "no step": lambda: PGD(steps=0),
    "a step that is true": lambda: PGD(steps=True),
    "steps in words": lambda: APGD(steps="5"),  # pyright: ignore
    "no restart": lambda: APGD(restarts=0),
    "momentum": lambda: APGD(momentum=1.5),
    "share": lambda: APGD(success_share=NAN),
    "fraction": lambda: PGD(step_fraction=NAN),
    "infinite fraction": lambda: PGD(step_fraction=float("inf")),
    "start": lambda: PGD(start="FGM"),  # pyright: ignore
    "keep": lambda: PGD(keep=None),  # pyright: ignore
    "queries": lambda: Square(queries=0),
    "square's share": lambda: Square(share=NAN),
    "name": lambda: FGM(name=5),  # pyright: ignore
    "direction of zeros": lambda: Along(np.zeros(3)),
    "direction with NaN": lambda: Along(np.array([1.0, NAN])),
    "directions": lambda: Along(np.ones((2, 2))),
    "one feature": lambda: BetweenClasses(np.ones((1, 4))),
    "steps towards classes": lambda: TowardsClasses(np.eye(4)[:2], steps=-1),
    "suite": lambda: standard(restarts=0),
    "suite's queries": lambda: standard(queries=1.5),  # pyright: ignore
    "draws": lambda: averaged(KEY, lambda key, x, y: y, 0),
    "pgd": lambda: pgd(KEY, linear, X, Y, Ball(0.1), steps=1.5),  # pyright: ignore
    "apgd": lambda: apgd(KEY, linear, X, Y, Ball(0.1), steps=0),
    "square": lambda: square(KEY, linear, X, Y, Ball(0.1), queries=-1),
    "square in l1": lambda: square(KEY, linear, X, Y, Ball(0.1, "l1")),
    "minimal_norm": lambda: minimal_norm(KEY, linear, X, Y, Ball(0.1), steps=None),  # pyright: ignore
    "shrink": lambda: minimal_norm(KEY, linear, X, Y, Ball(0.1), shrink_start=1.0),
    "chunk": lambda: worst_case(KEY, lambda p: linear, WEIGHT[None], X[None], Y[None], Ball(0.1), (), chunk=0),
    "no seeds": lambda: worst_case(KEY, lambda p: linear, WEIGHT[None][:0], X[None][:0], Y[None][:0], Ball(0.1), ()),
    "nets of other seeds": lambda: worst_case(
        KEY, lambda p: linear, jnp.ones((2, DIM)), X[None], Y[None], Ball(0.1), ()
    ),
    "seedless": lambda: worst_case(KEY, lambda p: linear, WEIGHT, X, Y, Ball(0.1), ()),
    "an attack alone": lambda: suite(attacks=FGM),
    "an attack's function": lambda: suite(attacks=(fgm,)),
    "no attacks": lambda: suite(attacks=None),
    "an attack's name": lambda: suite(attacks="fgm"),
    "no margin": lambda: suite(margin_of=None),
    "no ball": lambda: suite(ball=0.1),
    "a radius a point": lambda: suite(ball=Ball(np.full(N, 0.1))),  # pyright: ignore
    "some standing": lambda: suite(standing=np.ones(N, bool)),
    "numbers that stand": lambda: suite(standing=np.ones((1, N))),
    "whole margins": lambda: suite(margin_of=lambda p: lambda x, y: jnp.sign(x[:, 0]).astype(int)),
    "margins and more": lambda: suite(margin_of=lambda p: lambda x, y: (y, y)),
    "a radius a coordinate": lambda: fgm(KEY, linear, X, Y, Ball(np.full(DIM, 0.1), "linf")),  # pyright: ignore
    "radii of minimal_norm": lambda: minimal_norm(KEY, linear, X, Y, Ball(np.full(N, 0.1))),  # pyright: ignore
    "a margin in words": lambda: fgm(KEY, "linear", X, Y, Ball(0.1)),  # pyright: ignore
    "short direction": lambda: universal(WEIGHT[1:], linear, X, Y, Ball(0.1)),
    "unknown class": lambda: BetweenClasses(np.eye(DIM)[:2])(KEY, linear, X, jnp.full(N, 2), Ball(0.1)),
    "signs for classes": lambda: TowardsClasses(np.eye(DIM)[:2])(KEY, linear, X, Y, Ball(0.1)),
}


@pytest.mark.parametrize("setting", ODD_SETTINGS)
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(ConfigError, match="is not allowed"):
        ODD_SETTINGS[setting]()

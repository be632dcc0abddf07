"""A measurement whose attacks leave the ball is none."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest

from purifyjax.attacks import FGM, Attacked
from purifyjax.balls import Ball
from purifyjax.errors import ConfigError
from tests.purifyjax.attacks.given import Given
from theory_checks.measuring.known import worst_case


def leap(key, margin, x, y, ball):
    return Attacked(jnp.full_like(x, 2.0 * ball.radius), jnp.ones(len(x)))


def struck(radius, *attacks):
    x = jnp.array([[[1.0, 0.0], [2.0, 0.0]]])
    return worst_case(
        jax.random.key(0), lambda p: lambda x, y: x[:, 0], jnp.zeros(1), x, jnp.ones((1, 2)), Ball(radius), attacks
    )


def test_points_that_nothing_honest_breaks_make_it_void():
    with pytest.raises(ConfigError, match="void: leap left the ball at 2 points.* no other attack breaks 1 of them"):
        struck(1.5, Given(leap, name="leap"), FGM())
    assert not struck(2.5, Given(leap, name="leap"), FGM()).standing.any()
    assert struck(0.5, FGM()).standing.all()

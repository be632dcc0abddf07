"""The ready suite, attacks on other margins, and the warnings of an evaluation that cannot be trusted."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.attacks import (
    APGD,
    FGM,
    PGD,
    Attacked,
    CoordinateProfiles,
    Noise,
    Square,
    Transferred,
    averaged,
    fgm,
    standard,
    winners,
    worst_case,
)
from purifyjax.balls import Ball
from purifyjax.margins import FixedMargin
from purifyjax.models import SymmetricReLU, margin
from tests.purifyjax.attacks.given import Given

SEEDS, POINTS, DIM, NEURONS = 2, 30, 5, 8
MODEL = SymmetricReLU(NEURONS, precision=jax.lax.Precision.HIGHEST)
KEY = jax.random.key(0)
SUITE = standard(jnp.ones(DIM), steps=8, restarts=4, queries=20)
NAMES = [attack.name for attack in SUITE]


def margin_of(params):
    return partial(margin, MODEL, params)


def nets():
    """Random nets and points that they get right."""
    rng = np.random.default_rng(0)
    params = {"weight": rng.normal(size=(SEEDS, NEURONS, DIM)), "threshold": rng.uniform(0, 0.8, (SEEDS, NEURONS))}
    params = {name: jnp.asarray(value, jnp.float32) for name, value in params.items()}
    x = jnp.asarray(rng.normal(size=(SEEDS, POINTS, DIM)), jnp.float32)
    return params, x, jnp.sign(jax.vmap(lambda p, x: margin_of(p)(x, jnp.ones(POINTS)))(params, x))


def on_one(margin, attacks, x, y, ball, **options):
    """The worst case for one net without parameters."""
    return worst_case(KEY, lambda _: margin, jnp.zeros(1), x[None], y[None], ball, attacks, **options)


# The suite


def test_members_and_their_order():
    assert NAMES == ["noise", "universal", "fgm", "apgd", "apgd-restarts", "square"]
    assert [attack.name for attack in standard(restarts=1, queries=0)] == ["noise", "fgm", "apgd"]
    assert [attack.name for attack in standard(profiles=CoordinateProfiles())][-2:] == ["square", "profiles"]
    assert {a.name for a in SUITE if not a.uses_gradients} == {"noise", "universal", "square"}
    assert standard(jnp.ones(DIM), steps=8, restarts=4, queries=20) == SUITE


@pytest.mark.parametrize("norm,radius", [("l2", 0.4), ("linf", 0.2)])
def test_breaks_what_long_pgd_breaks(norm, radius):
    """On small nets, at a tenth of the steps; no warning on an honest margin."""
    found = worst_case(KEY, margin_of, *nets(), Ball(radius, norm), SUITE)
    slow = worst_case(KEY, margin_of, *nets(), Ball(radius, norm), (PGD(steps=100, restarts=5),))
    assert 0.1 < slow.standing.mean() < 0.9
    assert (found.standing & ~slow.standing).mean() < 0.02
    assert found.warnings == () and slow.warnings == ()
    won = winners(found.broken_by, NAMES)
    assert list(won) == NAMES
    assert sum(won.values()) == (found.broken_by >= 0).sum()
    assert won["fgm"] == (found.broken_by == 2).sum() > 0


# Another net's perturbations


def test_transferred_perturbations_come_from_the_source():
    weight, other, x = jnp.array([1.0, 0.0]), jnp.array([0.6, 0.8]), jnp.array([[1.0, 1.0], [2.0, 0.5]])
    source, target = (lambda x, y, w=w: y * (x @ w) for w in (weight, other))
    found = Transferred(source, FGM())(KEY, target, x, jnp.ones(2), Ball(0.5))
    np.testing.assert_allclose(found.perturbation, [[-0.5, 0.0], [-0.5, 0.0]], atol=1e-6)
    np.testing.assert_allclose(found.margin, x @ other - 0.5 * 0.6, atol=1e-6)


def test_transferred_attacks_join_the_worst_case():
    params, x, y = nets()
    source = FixedMargin(margin_of, jax.tree.map(lambda leaf: leaf[1], params))
    found = worst_case(KEY, margin_of, params, x, y, Ball(0.5), (Transferred(source, APGD()), APGD()))
    won = winners(found.broken_by, ["transferred", "apgd"])
    assert won["transferred"] > 0 and won["apgd"] > 0


# Warnings


def stairs(x, y):
    """A staircase: its gradient is zero everywhere."""
    return jnp.round(4.0 * y * jnp.sum(x, axis=-1)) / 4.0


def masked(x, y):
    """A slope too small to matter, in the wrong direction, over a staircase."""
    return stairs(x, y) - 1e-3 * y * jnp.sum(x, axis=-1)


def points():
    rng = np.random.default_rng(1)
    x = jnp.asarray(rng.normal(size=(POINTS, DIM)), jnp.float32)
    return x, jnp.sign(jnp.sum(x, axis=-1))


def test_zero_gradients_are_reported():
    x, y = points()
    (warning,) = on_one(stairs, (FGM(),), x, y, Ball(0.1)).warnings
    assert warning == "the gradient is exactly zero at 100.0% of the points: gradient attacks start blind there"
    dead = lambda x, y: jnp.where(x[:, 0] > 1.2, 1.0, y * jnp.sum(x, axis=-1))  # noqa: E731
    share = float(np.mean(np.asarray(x[:, 0] > 1.2)))
    assert f"{share:.1%}" in on_one(dead, (FGM(),), x, y, Ball(0.1)).warnings[0]


def test_gradient_free_successes_are_counted():
    x, y = points()
    with_gradient = (FGM(), Square(name="more"))
    found = on_one(masked, with_gradient, x, y, Ball(0.8))
    won = winners(found.broken_by, ["fgm", "more"])["more"]
    assert won > 5
    assert found.warnings == (
        f"more uses no gradient and broke {won} points that fgm left standing: gradients may be masked",
    )
    # Before any gradient attack it says nothing, nor of an attack that uses gradients itself.
    assert on_one(masked, (Square(), FGM()), x, y, Ball(0.8)).warnings == ()
    assert on_one(masked, (FGM(), Given(Square(), name="more")), x, y, Ball(0.8)).warnings == ()


def test_margins_that_change_are_reported():
    """Randomness at the trace, and randomness at every call."""
    x, y = points()
    rng = np.random.default_rng(2)

    def at_trace(x, y):
        return y * jnp.sum(x, axis=-1) + rng.normal()

    (warning,) = on_one(at_trace, (Noise(),), x, y, Ball(0.1)).warnings
    assert warning.startswith("the margin is not deterministic")

    def noisy(key, x, y):
        return y * jnp.sum(x, axis=-1) + jax.random.normal(key, y.shape)

    assert on_one(averaged(KEY, noisy, 4), (Noise(),), x, y, Ball(0.1)).warnings == ()


def leap(key, margin, x, y, ball):
    """Every third point steps half as far again as allowed."""
    attacked = fgm(key, margin, x, y, ball)
    far = jnp.where(jnp.arange(len(x)) % 3 == 0, 1.5, 1.0)
    return Attacked(attacked.perturbation * far[:, None], attacked.margin)


def test_perturbations_outside_the_ball_are_reported_by_name_and_size():
    x, y = points()
    linear = lambda x, y: 1.0 + y * jnp.sum(x, axis=-1)  # noqa: E731
    found = on_one(linear, (FGM(), Given(leap, name="leap")), x, y, Ball(0.1))
    (warning,) = found.warnings
    assert warning == f"leap left the ball at {POINTS // 3} points, which do not count: worst ‖δ‖/τ − 1 = 0.5"
    lost = lambda key, margin, x, y, ball: Attacked(jnp.full_like(x, jnp.nan), y)  # noqa: E731
    assert "= inf" in on_one(linear, (Given(lost, name="lost"),), x, y, Ball(0.1)).warnings[0]


def test_tiny_radii_are_judged_in_float64():
    """Squares of 10⁻²⁵ are zero in float32: a step ten times too long would look legal."""
    x, y = points()
    far = lambda key, margin, x, y, ball: Attacked(jnp.full_like(x, 10.0 * ball.radius), y)  # noqa: E731
    linear = lambda x, y: 1.0 + y * jnp.sum(x, axis=-1)  # noqa: E731
    assert len(on_one(linear, (Given(far, name="far"),), x, y, Ball(1e-25)).warnings) == 1


def test_every_attack_of_the_suite_compiles_once():
    traces = dict.fromkeys(NAMES, 0)

    def counted(own):
        def attack(key, margin, x, y, ball):
            traces[own.name] += 1
            return own(key, margin, x, y, ball)

        return Given(attack, name=own.name)

    suite = tuple(counted(attack) for attack in SUITE)
    for radius in (0.1, 0.2):
        worst_case(KEY, margin_of, *nets(), Ball(radius), suite, chunk=16)
    assert traces == dict.fromkeys(NAMES, 1)

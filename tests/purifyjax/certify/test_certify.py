"""Closed forms, the pieces of the relaxation, randomised smoothing, and bad input."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from purifyjax.attacks import fgm, pgd
from purifyjax.balls import Ball
from purifyjax.certify import branch, certify, crown, interval, lipschitz, prepare, smoothed_radius
from purifyjax.certify.dense import dense_bound
from purifyjax.certify.quadratic import At, Cells, search
from purifyjax.errors import ConfigError
from purifyjax.models import SymmetricReLU, margin

DUAL = {"l1": np.inf, "l2": 2, "linf": 1}
POINTS, DIM, NEURONS = 30, 6, 9


@pytest.fixture(scope="module")
def points():
    rng = np.random.default_rng(3)
    return rng.normal(size=(POINTS, DIM)), np.where(rng.random(POINTS) < 0.5, -1.0, 1.0)


@pytest.fixture(scope="module")
def weights():
    return np.random.default_rng(4).normal(size=(NEURONS, DIM)) / 3


@pytest.mark.parametrize("norm", list(DUAL))
def test_attack_and_certificate_of_a_linear_net_are_the_closed_form(norm, points, weights):
    """Thresholds far below zero leave f(x) = 2 Σ_i ⟨w_i, x⟩, with least margin y f(x) − τ ‖2 Σ w_i‖_*."""
    x, y = points
    threshold = np.full(NEURONS, -50.0)
    radius = 0.3
    exact = y * (x @ (2 * weights.sum(0))) - radius * np.linalg.norm(2 * weights.sum(0), ord=DUAL[norm])
    found = certify(prepare(weights, threshold, norm), x, y, Ball(radius, norm))
    np.testing.assert_allclose(found.lower, exact, atol=1e-5)
    np.testing.assert_array_equal(found.certified, exact > 0)
    model = SymmetricReLU(NEURONS, precision=jax.lax.Precision.HIGHEST)
    params = {"weight": jnp.asarray(weights, jnp.float32), "threshold": jnp.zeros(NEURONS)}
    # In float32 the thresholds of 50 would cost digits; without them the net is the linear Σ_i ⟨w_i, x⟩.
    for attack in (fgm, partial(pgd, steps=5)):
        attacked = attack(
            jax.random.key(0),
            lambda x, y: 2 * margin(model, params, x, y),
            jnp.asarray(x, jnp.float32),
            jnp.asarray(y, jnp.float32),
            Ball(radius, norm),
        )
        np.testing.assert_allclose(np.asarray(attacked.margin), exact, atol=1e-5)


def test_cheap_bounds_on_one_neuron_by_hand():
    """w = (3, 4), b = 1, x = (1, 1), τ = 0.2: ⟨w, x⟩ = 7 moves by ±1, so the least margin is 7 − 1 − 1 = 5."""
    net = prepare(np.array([[3.0, 4.0]]), np.array([1.0]), "l2")
    x, ball = jnp.array([[1.0, 1.0]]), Ball(0.2)
    for bound in (lipschitz, interval, crown):
        found = float(bound(net, x, ball)[0])
        assert 5.0 * (1 - 1e-4) < found < 5.0  # less the room for rounding


@pytest.mark.parametrize("norm", list(DUAL))
def test_the_budget_keeps_the_curvature_in_its_metric(norm, weights):
    threshold = np.linspace(-0.1, 0.5, NEURONS)
    net = prepare(weights, threshold, norm)
    metric = np.eye(DIM) + (net.stretch - 1) * np.outer(net.axis, net.axis)
    spare = metric - (weights * np.asarray(net.budget)[:, None]).T @ weights
    least = np.linalg.eigvalsh(spare)[0]
    assert -1e-12 <= least < 1e-6  # within the metric, and as large as it may be
    np.testing.assert_allclose(net.reach, np.linalg.norm(weights, ord=DUAL[norm], axis=1))


def test_finer_cells_and_own_curvature_tighten_the_bound():
    """On a wide net, whose many silent neurons leave points undecided."""
    rng = np.random.default_rng(6)
    weight, threshold = rng.normal(size=(40, DIM)) / 3 + 0.1, np.full(40, 0.3)
    x = rng.normal(size=(60, DIM))
    p = x @ weight.T
    y = np.sign(np.sum(np.maximum(p - threshold, 0) - np.maximum(-p - threshold, 0), axis=1))
    net, ball = prepare(weight, threshold, "l2"), Ball(0.2)
    coarse = certify(net, x, y, ball, cells=1, splits=0, lowering=())
    fine = certify(net, x, y, ball, cells=1, splits=4, lowering=())
    dense = certify(net, x, y, ball, cells=1, splits=0, lowering=(0.9, 0.7, 0.5))
    for better in (fine, dense):
        assert np.all(better.lower >= coarse.lower - 1e-9)
        assert better.lower.sum() > coarse.lower.sum() + 0.01


def test_a_curvature_that_cannot_be_proven_gives_no_bound(weights):
    """Floors lowered to nothing need a multiplier that the power method must find: unless it does, −∞."""
    net = prepare(weights, np.full(NEURONS, 0.2), "l2")
    x = np.ones((4, DIM))
    with jax.enable_x64(True):
        cells = Cells(jnp.asarray(x), jnp.zeros(4), jnp.full(4, 0.3))
        at = At(jnp.zeros_like(cells.x), jnp.full(4, 1.0))
        bound, _ = jax.jit(dense_bound)(net, Ball(0.3), cells, at, 1e-9)
    assert np.all(np.isneginf(bound) | (np.asarray(bound) < 10))


def test_the_search_descends_to_the_attack(points, weights):
    """δ̂, brought into the ball, is about as strong as PGD."""
    x, y = points
    threshold = np.full(NEURONS, 0.1)
    net = prepare(weights, threshold, "l2")
    ball = Ball(0.3)
    frame = jnp.asarray(x * y[:, None], jnp.float32)
    half = jnp.full(POINTS, 0.3 * net.axis_reach)
    at, _ = jax.jit(search, static_argnames="steps")(
        net, ball, Cells(frame, jnp.zeros(POINTS), half), At(jnp.zeros_like(frame), jnp.full(POINTS, 3.0)), 60
    )
    model = SymmetricReLU(NEURONS)
    params = {"weight": jnp.asarray(weights, jnp.float32), "threshold": jnp.asarray(threshold, jnp.float32)}
    inside = ball.project(at.delta)
    mine = margin(model, params, frame + inside, jnp.ones(POINTS))
    theirs = pgd(
        jax.random.key(0),
        partial(margin, model, params),
        frame,
        jnp.ones(POINTS),
        ball,
        steps=50,
    )
    assert np.median(np.asarray(mine) - np.asarray(theirs.margin)) < 0.05


def test_points_left_out_are_not_certified_and_progress_adds_up(points, weights):
    x, y = points
    standing = np.arange(POINTS) % 3 == 0
    net = prepare(weights, np.zeros(NEURONS), "l2")
    done: list[int] = []
    found = certify(net, x, y, Ball(0.1), standing=standing, progress=done.append)
    full = certify(net, x, y, Ball(0.1))
    assert sum(done) == standing.sum()
    assert np.all(np.isneginf(found.lower[~standing]))
    np.testing.assert_allclose(found.lower[standing], full.lower[standing])
    nothing = certify(net, x, y, Ball(0.1), standing=np.zeros(POINTS, bool))
    assert not nothing.certified.any()


def test_other_radii_and_points_reuse_the_compiled_programs(points, weights):
    x, y = points
    net = prepare(weights, np.full(NEURONS, 0.1), "l2")
    certify(net, x, y, Ball(0.2))
    before = branch._search._cache_size()  # pyright: ignore[reportAttributeAccessIssue]
    certify(net, x[:7], y[:7], Ball(0.25))
    certify(prepare(weights + 0.1, np.full(NEURONS, 0.3), "l2"), x, y, Ball(0.15))
    assert branch._search._cache_size() == before  # pyright: ignore[reportAttributeAccessIssue]


def test_bad_settings_are_named(points, weights):
    x, y = points
    net = prepare(weights, np.zeros(NEURONS), "l2")
    with pytest.raises(ConfigError, match="radius"):
        certify(net, x, y, Ball(0.0))
    with pytest.raises(ConfigError, match="cells"):
        certify(net, x, y, Ball(0.1), cells=0)
    with pytest.raises(ConfigError, match="splits"):
        certify(net, x, y, Ball(0.1), splits=-1)
    with pytest.raises(ConfigError, match="diverged"):
        prepare(weights * np.nan, np.zeros(NEURONS), "l2")


def linear_margin(params):
    return lambda x, y: y * (x @ params)


def test_smoothing_of_a_linear_classifier_approaches_its_distance(points):
    """p = Φ(distance/σ), so the certified radius tends to the distance from below."""
    x, y = points
    direction = np.random.default_rng(5).normal(size=DIM)
    distance = y * (x @ direction) / np.linalg.norm(direction)
    std, draws = 1.0, 4000
    found = smoothed_radius(
        jax.random.key(0), linear_margin, jnp.asarray(direction), jnp.asarray(x), jnp.asarray(y), std, draws=draws
    )
    assert np.all(found.radius[distance <= 0] == 0)
    right = (distance > 0) & (distance < 2)
    assert np.all(found.radius[right] <= distance[right])
    np.testing.assert_allclose(found.radius[right], distance[right], atol=0.25)
    # Never above what winning all draws would give.
    assert found.radius.max() <= stats.norm.ppf(0.001 ** (1 / draws)) + 1e-9
    np.testing.assert_array_equal(found.wins <= draws, True)


@pytest.mark.parametrize(("name", "value"), [("std", 0.0), ("draws", 0), ("confidence", 1.0)])
def test_smoothing_names_bad_settings(points, name, value):
    x, y = points
    settings = {"std": 1.0, "draws": 10, "confidence": 0.9} | {name: value}
    with pytest.raises(ConfigError, match=name):
        smoothed_radius(jax.random.key(0), linear_margin, jnp.ones(DIM), jnp.asarray(x), jnp.asarray(y), **settings)

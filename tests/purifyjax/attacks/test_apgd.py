"""Auto-PGD against closed forms, FGM, PGD, brute force in the plane, and regions without a gradient."""

from __future__ import annotations

from functools import cache, partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from purifyjax.attacks import apgd, distant_start, fgm, pgd
from purifyjax.attacks.apgd import checkpoints
from purifyjax.balls import Ball, Norm
from purifyjax.models import SymmetricReLU, margin

NORMS: tuple[Norm, ...] = ("l1", "l2", "linf")
ORDER = {"l1": 1, "l2": 2, "linf": np.inf}
DUAL = {"l1": np.inf, "l2": 2, "linf": 1}
DIM, POINTS = 6, 8
KEY = jax.random.key(0)
all_norms = pytest.mark.parametrize("norm", NORMS)


def linear(weight):
    return lambda x, y: y * (x @ weight)


def network(params):
    return partial(margin, SymmetricReLU(params["threshold"].shape[-1]), params)


def random_network(seed: int, neurons: int, dim: int, points: int):
    rng = np.random.default_rng(seed)
    params = {"weight": rng.normal(size=(neurons, dim)), "threshold": rng.uniform(-0.3, 1.0, neurons)}
    x, y = rng.normal(size=(points, dim)), rng.choice([-1.0, 1.0], points)
    return jax.tree.map(partial(jnp.asarray, dtype=jnp.float32), (params, x, y))


@cache
def on_network(attack, **options):
    return jax.jit(lambda key, params, x, y, ball: attack(key, network(params), x, y, ball, **options))


@cache
def on_linear(attack, **options):
    return jax.jit(lambda key, weight, x, y, ball: attack(key, linear(weight), x, y, ball, **options))


def test_checkpoints_of_the_paper():
    """N = 100: p = 0.22, 0.41, 0.57, 0.70, 0.80, 0.87, 0.93, 0.99."""
    assert checkpoints(100) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert checkpoints(1) == []


@all_norms
@given(seed=st.integers(0, 10**6), radius=st.floats(0.0, 1.0))
def test_linear_margin_falls_by_the_dual_norm(norm, seed, radius):
    rng = np.random.default_rng(seed)
    weight, x, y = rng.normal(size=DIM), rng.normal(size=(POINTS, DIM)), rng.choice([-1.0, 1.0], POINTS)
    lowest = y * (x @ weight) - radius * np.linalg.norm(weight, ord=DUAL[norm])
    weight, x, y = jax.tree.map(partial(jnp.asarray, dtype=jnp.float32), (weight, x, y))
    attacked = on_linear(apgd, steps=5)(KEY, weight, x, y, Ball(radius, norm))
    np.testing.assert_allclose(attacked.margin, lowest, atol=1e-5)
    assert (Ball(radius, norm).size(attacked.perturbation) <= radius * (1 + 1e-5)).all()


@all_norms
@settings(max_examples=10)
@given(seed=st.integers(0, 10**6), radius=st.floats(0.0, 2.0))
def test_never_weaker_than_fgm_inside_the_ball_and_restarts_never_hurt(norm, seed, radius):
    params, x, y = random_network(seed, 5, DIM, POINTS)
    ball = Ball(radius, norm)
    weak = on_network(fgm)(KEY, params, x, y, ball)
    one, many = (on_network(apgd, steps=6, restarts=r)(KEY, params, x, y, ball) for r in (1, 3))
    slack = 1e-5 * (1 + np.abs(weak.margin))
    assert (one.margin <= weak.margin + slack).all()
    assert (many.margin <= one.margin + slack).all()
    for attacked in (one, many):
        assert (ball.size(attacked.perturbation) <= radius * (1 + 1e-5)).all()
        np.testing.assert_allclose(attacked.margin, network(params)(x + attacked.perturbation, y), atol=1e-4)


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_stronger_than_pgd_of_as_many_steps(norm):
    """In the mean over random nets, from the same starting point."""
    radius, gap = {"l2": 1.0, "linf": 0.5}[norm], []
    for seed in range(25):
        params, x, y = random_network(seed, 8, DIM, POINTS)
        args = (KEY, params, x, y, Ball(radius, norm))
        gap.append(on_network(pgd, steps=20)(*args).margin - on_network(apgd, steps=20)(*args).margin)
    assert np.mean(gap) > 0.0


def test_curved_valley():
    """margin = ⟨δ, A δ⟩ + ⟨b, δ⟩ with condition number 100 inside the ball: halved steps converge."""
    curvature, slope = jnp.array([1.0, 10.0, 100.0]), jnp.array([1.0, 1.0, 1.0])
    valley = lambda x, y: y * (x**2 @ curvature + x @ slope)  # noqa: E731
    found = jax.jit(lambda: apgd(KEY, valley, jnp.zeros((1, 3)), jnp.ones(1), Ball(2.0), steps=100))()
    best = -0.25 * float(jnp.sum(slope**2 / curvature))
    assert best <= float(found.margin[0]) <= 0.5 * best


@all_norms
def test_brute_force_in_the_plane_finds_hardly_anything_better(norm):
    radius, points = 0.7, 6
    ball = Ball(radius, norm)
    axis = np.linspace(-radius, radius, 101)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    around = jnp.asarray(grid[np.linalg.norm(grid, ord=ORDER[norm], axis=1) <= radius + 1e-9], jnp.float32)

    def lowest(params, x, y):
        return network(params)(x[None, :] + around, jnp.broadcast_to(y, (len(around),))).min()

    brute, gap = jax.jit(jax.vmap(lowest, (None, 0, 0))), []
    for seed in range(12):
        params, x, y = random_network(seed, 4, 2, points)
        found = on_network(apgd, steps=20, restarts=21)(KEY, params, x, y, ball)
        gap.append(np.asarray(found.margin - brute(params, x, y)))
    assert np.mean(np.array(gap) > 0.02) < 0.05
    assert np.max(gap) < 0.15
    assert np.min(gap) > -0.1  # the grid is 0.014 wide


def test_radius_zero_changes_nothing():
    params, x, y = random_network(5, 5, DIM, POINTS)
    attacked = on_network(apgd, steps=6, restarts=3)(KEY, params, x, y, Ball(0.0))
    np.testing.assert_array_equal(np.abs(attacked.perturbation), 0.0)


# Without a gradient


def plateau(x, y):
    """1 around the origin, falling beyond ‖x‖ = 1."""
    return y * (1.0 - jnp.maximum(jnp.linalg.norm(x + 1e-9, axis=-1) - 1.0, 0.0) * 4.0)


def test_leaves_a_plateau_on_which_pgd_stays():
    x, y, ball = jnp.zeros((POINTS, DIM)), jnp.ones(POINTS), Ball(1.5)
    stuck = jax.jit(lambda: pgd(KEY, plateau, x, y, ball, steps=10))()
    np.testing.assert_array_equal(stuck.margin, 1.0)
    free = jax.jit(lambda: apgd(KEY, plateau, x, y, ball, steps=10))()
    np.testing.assert_allclose(free.margin, -1.0, atol=1e-5)


def test_flat_everywhere_gives_no_nan():
    flat = lambda x, y: y + 0.0 * x[:, 0]  # noqa: E731
    found = jax.jit(lambda: apgd(KEY, flat, jnp.zeros((2, 3)), jnp.ones(2), Ball(0.5), steps=5, restarts=3))()
    chex.assert_tree_all_finite(found)
    np.testing.assert_array_equal(found.margin, 1.0)


def hidden(x, y):
    """f = 2 + x₁ − 9 ReLU(x₂ − ¾): the second neuron wakes only when the step goes almost all along it."""
    return y * (2.0 + x[:, 0] - 9.0 * jnp.maximum(x[:, 1] - 0.75, 0.0))


def test_distant_starts_wake_hidden_neurons():
    dim, points = 64, 16
    x, y, ball = jnp.zeros((points, dim)), jnp.ones(points), Ball(1.0)
    near = jax.jit(lambda: pgd(KEY, hidden, x, y, ball, steps=20, restarts=20))()
    np.testing.assert_allclose(near.margin, 1.0, atol=1e-4)
    far = jax.jit(lambda: apgd(KEY, hidden, x, y, ball, steps=10, restarts=20))()
    # The lowest is 2 − max over the circle of −cos t + 9 (sin t − ¾) = 2 − (√82 − 6.75).
    np.testing.assert_allclose(far.margin, 2.0 - (np.sqrt(82.0) - 6.75), atol=1e-3)


@all_norms
def test_distant_starts_lie_in_the_ball_and_differ(norm):
    params, x, y = random_network(1, 5, DIM, 40)
    ball = Ball(0.7, norm)
    start = jax.jit(lambda key: distant_start(key, network(params), x, y, ball))
    np.testing.assert_allclose(ball.size(start(KEY)), 0.7, rtol=1e-5)
    assert bool((start(KEY) != start(jax.random.key(1))).any())


def test_the_radius_does_not_recompile():
    chex.clear_trace_counter()
    params, x, y = random_network(8, 5, DIM, POINTS)
    once = jax.jit(chex.assert_max_traces(lambda ball: apgd(KEY, network(params), x, y, ball, 4, 3), n=1))
    for radius in (0.1, 0.3, 0.0):
        once(Ball(radius))

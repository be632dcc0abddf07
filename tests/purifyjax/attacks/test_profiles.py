"""Profiles of the margin along coordinates: exact, minimised exactly, and an attack that finds what gradients hide."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.attacks import CoordinateProfiles, standard, winners, worst_case
from purifyjax.attacks.profiles import Profile, minimiser, profile, within_unit_ball
from purifyjax.balls import Ball
from purifyjax.errors import ConfigError
from purifyjax.margins import FixedMargin
from purifyjax.models import Linear, NetMargin, SymmetricReLU

DIM, NEURONS, POINTS = 3, 7, 20
KEY = jax.random.key(0)
FULL = jax.lax.Precision.HIGHEST
OF = NetMargin(SymmetricReLU(NEURONS, precision=FULL))
GRID = np.linspace(-1.0, 1.0, 2001)


def net(seed=0, dim=DIM):
    """A random net; some thresholds are negative, and one neuron does not hear the last coordinate."""
    rng = np.random.default_rng(seed)
    weight, threshold = rng.normal(size=(NEURONS, dim)), rng.uniform(-0.3, 1.0, NEURONS)
    weight[0, -1] = 0.0
    return {"weight": jnp.asarray(weight, jnp.float32), "threshold": jnp.asarray(threshold, jnp.float32)}


def points(seed=1, dim=DIM):
    x = jax.random.normal(jax.random.key(seed), (POINTS, dim))
    return x, jnp.sign(OF(net(dim=dim))(x, jnp.ones(POINTS)))


def at(g: Profile, t):
    """g(t) − g(−1) of one profile, read off its corners."""
    last = g.value[-1] + g.slope[-1] * (g.place[-1] - g.place[-2])
    return np.interp(t, np.asarray(g.place), np.append(g.value, last))


def profiles_at(x, params, radius):
    """The profiles of every coordinate at a point with label 1, of all neurons."""
    weight = radius * params["weight"]
    p = jnp.broadcast_to(jnp.matmul(params["weight"], x, precision=FULL)[:, None], weight.shape)
    threshold = jnp.broadcast_to(params["threshold"][:, None], weight.shape)
    return profile(weight, p, threshold, jnp.zeros(weight.shape[1]))


# Profiles


@pytest.mark.parametrize("seed", range(4))
def test_a_profile_of_all_neurons_is_the_margin_along_its_coordinate(seed):
    params, x = net(seed), points(seed)[0][0]
    every = profiles_at(x, params, 0.7)
    for j in range(DIM):
        g = jax.tree.map(lambda leaf, j=j: leaf[:, j], every)
        moved = x[None, :] + 0.7 * jnp.asarray(GRID, jnp.float32)[:, None] * jnp.eye(DIM)[j][None, :]
        value = np.asarray(OF(params)(moved, jnp.ones(len(GRID))))
        found = at(g, GRID)
        np.testing.assert_allclose(found - found[1000], value - value[1000], atol=2e-5)
        assert np.all(np.diff(g.place) >= 0) and (g.place[0], g.place[-1]) == (-1.0, 1.0)


def test_neurons_that_are_left_out_are_their_slope():
    none = jnp.zeros((0, 2))
    g = profile(none, none, none, jnp.array([2.0, -1.0]))
    np.testing.assert_array_equal(g.slope[0], [2.0, -1.0])
    np.testing.assert_allclose(minimiser(g, 10.0), [-0.1, 0.05], rtol=1e-6)


@pytest.mark.parametrize("penalty", [1e-20, 0.1, 1.0, 10.0])
def test_the_minimiser_is_as_low_as_a_fine_grid(penalty):
    for seed in range(5):
        every = profiles_at(points(seed)[0][0], net(seed), 1.3)
        found = np.asarray(minimiser(every, penalty), float)
        for j in range(DIM):
            g = jax.tree.map(lambda leaf, j=j: leaf[:, j], every)
            lowest = np.min(at(g, GRID) + penalty * GRID**2)
            value = at(g, found[j]) + penalty * found[j] ** 2
            assert lowest - 2e-5 - 2e-3 * (10 + 2 * penalty) < value <= lowest + 2e-5


def test_the_budget_is_split_as_a_grid_over_the_ball_splits_it():
    """No code of the size that a multiplier gives, or smaller, has a lower sum of profiles; the ball's is near them."""
    grid = np.stack(np.meshgrid(*[GRID[::40]] * DIM, indexing="ij"), axis=-1).reshape(-1, DIM)
    norms = np.linalg.norm(grid, axis=1)
    reached = []
    for seed in range(8):
        every = profiles_at(points(seed)[0][0], net(seed), 1.0)
        of = [jax.tree.map(lambda leaf, j=j: leaf[:, j], every) for j in range(DIM)]

        def total(codes, of=of):
            return sum(at(g, codes[..., j]) for j, g in enumerate(of))

        for penalty in (0.5, 1.0, 2.0, 4.0):
            code = np.asarray(minimiser(every, penalty))
            assert total(code) <= np.min(total(grid[norms <= np.linalg.norm(code)])) + 1e-4
        code = np.asarray(within_unit_ball(every, jnp.ones(DIM, bool), jnp.zeros(DIM)))
        assert 0.99 < np.linalg.norm(code) <= 1 + 1e-6
        rest = total(np.zeros(DIM))
        reached.append((rest - total(code)) / (rest - np.min(total(grid[norms <= 1.0]))))
    # Where a coordinate jumps over what is left of the budget, scaling costs something; else the grid is no finer.
    assert np.median(reached) > 0.999 and np.min(reached) > 0.8


def test_linear_profiles_are_solved_by_the_steepest_step_and_held_coordinates_stay():
    none, slope = jnp.zeros((0, 3)), jnp.array([3.0, -4.0, 12.0])
    solve = partial(within_unit_ball, profile(none, none, none, slope))
    np.testing.assert_allclose(solve(jnp.ones(3, bool), jnp.zeros(3)), -np.asarray(slope) / 13, atol=1e-4)
    free, held = jnp.array([True, True, False]), jnp.array([0.9, 0.9, 0.6])
    np.testing.assert_allclose(solve(free, held), [-0.48, 0.64, 0.6], atol=1e-4)


# The attack


@pytest.mark.parametrize("ball", [Ball(0.6), Ball(0.25, "linf"), Ball(0.0), Ball(1e-25)], ids=str)
def test_stays_in_the_ball_and_is_never_worse_than_no_perturbation(ball):
    (x, y), margin = points(), OF(net())
    found = CoordinateProfiles(rounds=2, steps=3)(KEY, margin, x, y, ball)
    np.testing.assert_allclose(margin(x + found.perturbation, y), found.margin, atol=1e-6)
    assert np.all(found.margin <= margin(x, y))
    sizes = np.linalg.norm(np.asarray(found.perturbation, float), ord=2 if ball.norm == "l2" else np.inf, axis=1)
    assert np.all(sizes <= ball.radius * (1 + 1e-5))
    if ball.radius > 0.1:
        assert np.mean(np.asarray(found.margin < margin(x, y))) == 1.0


def hidden(dim=32):
    """f(x) = x₀, and in every other coordinate a neuron that wakes at 0.5 and one, at 0.55, that hides it from afar."""
    rest = np.eye(dim)[1:]
    weight = np.concatenate([np.eye(dim)[:1], -60.0 * rest, 90.0 * rest])
    threshold = np.repeat([0.0, 30.0, 49.5], [1, dim - 1, dim - 1])
    params = {"weight": jnp.asarray(weight[None], jnp.float32), "threshold": jnp.asarray(threshold[None], jnp.float32)}
    x = jnp.zeros((1, 8, dim)).at[:, :, 0].set(jnp.linspace(2.0, 4.0, 8)[None, :])
    return NetMargin(SymmetricReLU(len(weight), precision=FULL)), params, x, jnp.ones((1, 8))


def test_breaks_in_the_suite_what_gradients_leave_standing():
    """Near x and far from it no gradient says that a step of 0.55 along a coordinate costs 3."""
    suite = standard(profiles=CoordinateProfiles())
    found = worst_case(KEY, *hidden(), Ball(1.0), suite)
    names = [attack.name for attack in suite]
    assert names[-1] == "profiles"
    assert winners(found.broken_by, names)["profiles"] == 8
    assert found.warnings == ()


def test_further_rounds_and_the_polish_help():
    params, (x, y) = net(dim=8), points(dim=8)
    ball, margin = Ball(1.0), OF(params)
    first, more, long = (
        CoordinateProfiles(rounds=r, steps=s)(KEY, margin, x, y, ball) for r, s in ((1, 1), (4, 1), (4, 12))
    )
    assert np.all(more.margin <= first.margin)
    assert first.margin.mean() - 1e-3 > more.margin.mean() > long.margin.mean()


@pytest.mark.parametrize("radius", [0.3, 1.0])
def test_rotated_data_and_weights_with_their_dictionary_give_the_same_margins(radius):
    (x, y), params = points(dim=8), net(dim=8)
    dictionary = jax.random.orthogonal(KEY, 8)
    turn = partial(jnp.matmul, precision=FULL)
    turned = params | {"weight": turn(params["weight"], dictionary.T)}
    once = CoordinateProfiles(rounds=1, steps=1)  # more of either, and other bases come as far on nets so small
    plain = once(KEY, OF(params), x, y, Ball(radius))
    found = replace(once, dictionary=dictionary)(KEY, OF(turned), turn(x, dictionary.T), y, Ball(radius))
    np.testing.assert_allclose(found.margin, plain.margin, atol=1e-3)


def test_labels_are_signs_of_the_whole_problem_in_batches_of_any_size():
    """f is odd: at −x with label −y the same perturbation, reversed."""
    (x, y), margin = points(), OF(net())
    one, other = (CoordinateProfiles(batch=n)(KEY, margin, s * x, s * y, Ball(0.5)) for s, n in ((1.0, 64), (-1.0, 3)))
    np.testing.assert_allclose(one.margin, other.margin, atol=1e-5)
    np.testing.assert_allclose(one.perturbation, -other.perturbation, atol=1e-3)


def test_takes_fixed_margins_and_traced_ones():
    (x, y), params, attack = points(), net(), CoordinateProfiles(rounds=1, steps=2)
    own = attack(KEY, OF(params), x, y, Ball(0.5)).margin
    fixed = FixedMargin(OF, params)
    found = jax.jit(lambda x: attack(KEY, fixed, x, y, Ball(0.5)).margin)(x)
    np.testing.assert_allclose(found, own, atol=1e-5)
    both = jax.tree.map(lambda *leaves: jnp.stack(leaves), params, net(5))
    mapped = jax.jit(jax.vmap(lambda p: attack(KEY, OF(p), x, y, Ball(0.5)).margin))(both)
    np.testing.assert_allclose(mapped[0], own, atol=1e-5)


def test_equal_records_share_a_program():
    dictionary = np.asarray(jax.random.orthogonal(KEY, DIM))
    traces = []

    def run(attack, params, radius):
        traces.append(attack)
        return attack(KEY, OF(params), *points(), Ball(radius)).margin

    compiled = jax.jit(run, static_argnums=0)
    for seed, radius in ((0, 0.5), (1, 0.7)):
        for basis in (None, dictionary.copy()):
            compiled(CoordinateProfiles(basis, rounds=1, steps=1), net(seed), radius)
    assert len(traces) == 2
    assert CoordinateProfiles(dictionary) != CoordinateProfiles(np.eye(DIM)) != CoordinateProfiles()


# Refusals


def linear(x, y):
    return y * jnp.sum(x, axis=-1)


@pytest.mark.parametrize(
    ("margin", "named"),
    [(linear, "function"), (NetMargin(Linear())({}), "Linear"), (FixedMargin(lambda _: linear, {}), "function")],
)
def test_other_margins_are_refused_in_a_sentence(margin, named):
    with pytest.raises(ConfigError, match=rf"margin of CoordinateProfiles = '{named}' .*SymmetricReLU net's"):
        CoordinateProfiles()(KEY, margin, *points(), Ball(0.5))


@pytest.mark.parametrize(
    ("dictionary", "ball"), [(None, Ball(1.0, "l1")), (None, Ball(1.0, parts=3)), (np.eye(DIM), Ball(1.0, "linf"))]
)
def test_other_balls_are_refused_in_a_sentence(dictionary, ball):
    with pytest.raises(ConfigError, match=re.escape("l2, or linf without a dictionary")):
        CoordinateProfiles(dictionary)(KEY, OF(net()), *points(), ball)


@pytest.mark.parametrize(
    "setting",
    [
        *({name: 0} for name in ("neurons", "rounds", "steps", "batch")),
        {"share": 0.0},
        {"share": 1.5},
        {"dictionary": np.ones((2, 2))},
        {"dictionary": np.eye(3)[:2]},
        {"dictionary": 2 * np.eye(2)},
    ],
    ids=str,
)
def test_settings_outside_their_range_are_refused(setting):
    with pytest.raises(ConfigError, match=f"{next(iter(setting))} of CoordinateProfiles"):
        replace(CoordinateProfiles(), **setting)


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_neither_nets_nor_points_have_a_scale(norm):
    """Weights and thresholds s times as large, points and radius t times: margins s·t times."""
    attack, (x, y), params = CoordinateProfiles(rounds=2), points(), net()
    run = jax.jit(lambda params, x, ball: attack(KEY, OF(params), x, y, ball).margin)
    plain = np.asarray(run(params, x, Ball(0.4, norm)))
    for of_net, of_x in ((1e-20, 1.0), (1e20, 1.0), (1.0, 1e-15), (1.0, 1e15)):
        s, t = jnp.float32(of_net), jnp.float32(of_x)
        louder = {"weight": s * params["weight"], "threshold": s * t * params["threshold"]}
        found = np.asarray(run(louder, t * x, Ball(0.4 * of_x, norm)), float) / (of_net * of_x)
        np.testing.assert_allclose(found, plain, rtol=1e-4, atol=1e-5)


def test_double_precision_and_forbidden_nans_change_nothing():
    attack, (x, y) = CoordinateProfiles(rounds=2), points()
    plain = attack(KEY, OF(net()), x, y, Ball(0.4))
    with jax.enable_x64(True):
        wide = attack(KEY, OF(net()), x, y, Ball(0.4))
        assert wide.perturbation.dtype == np.float32
        np.testing.assert_allclose(wide.margin, plain.margin, rtol=1e-4, atol=1e-5)
    with jax.debug_nans(True):
        np.testing.assert_array_equal(attack(KEY, OF(net()), x, y, Ball(0.4)).margin, plain.margin)
        np.testing.assert_array_equal(attack(KEY, OF(net()), x, y, Ball(0.0)).perturbation, 0.0)

"""Products of balls: every part against a single ball of its own, and attacks inside them against closed forms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import chex
import hypothesis.extra.numpy as hnp
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from purifyjax.attacks import APGD, FGM, PGD, Attack, Attacked, Noise, Square, apgd, minimal_norm, square, worst_case
from purifyjax.balls import Ball, Norm
from purifyjax.margins import class_margin

NORMS: tuple[Norm, ...] = ("l1", "l2", "linf")
ORDER = {"l1": 1, "l2": 2, "linf": np.inf}
DUAL = {"l1": np.inf, "l2": 2, "linf": 1}
PARTS, WIDTH, POINTS, SEEDS = 3, 4, 5, 2
DIM = PARTS * WIDTH
KEY = jax.random.key(0)
TINY_EXCESS = 1 + 1e-5
all_norms = pytest.mark.parametrize("norm", NORMS)
radii = st.floats(1e-2, 10.0)
rows = hnp.arrays(np.float32, (POINTS, DIM), elements=st.floats(-8.0, 8.0, width=32).map(lambda v: round(v, 3)))

project = jax.jit(lambda ball, delta: ball.project(delta))
steepest = jax.jit(lambda ball, gradient: ball.steepest(gradient))
surface = jax.jit(lambda ball, key: ball.surface(key, (4000, DIM)))
interior = jax.jit(lambda ball, key: ball.interior(key, (4000, DIM)))

SUITE = (FGM(), PGD(steps=8, restarts=2), APGD(steps=12, restarts=3), Square(queries=60), Noise())
ATTACKS: dict[str, Attack] = {attack.name: attack for attack in SUITE}
GRADIENT = ("fgm", "pgd", "apgd")
CASES = [(name, norm) for name in ATTACKS for norm in NORMS if (name, norm) != ("square", "l1")]


def part(array, p: int) -> np.ndarray:
    return np.asarray(array)[..., p * WIDTH : (p + 1) * WIDTH]


def sizes(array, order: float) -> np.ndarray:
    """The norm of every part in float64, one column a part."""
    array = np.asarray(array, np.float64)
    return np.stack([np.linalg.norm(part(array, p), ord=order, axis=-1) for p in range(PARTS)], axis=-1)


def has_law(values, cdf) -> bool:
    result: Any = stats.kstest(values, cdf)
    return result.pvalue > 1e-6


def part_by_part(step, ball: Ball, array: np.ndarray) -> np.ndarray:
    """One row and one part after another through the single ball."""
    single, out = Ball(ball.radius, ball.norm), np.zeros_like(array)
    for n in range(len(array)):
        for p in range(PARTS):
            part(out, p)[n] = np.asarray(step(single, part(array, p)[n][None, :]))[0]
    return out


# The ball


def test_split_gives_consecutive_parts_and_join_undoes_it():
    array = np.arange(POINTS * DIM, dtype=np.float32).reshape(POINTS, DIM)
    ball = Ball(1.0, "l2", PARTS)
    split = ball.split(jnp.asarray(array))
    chex.assert_shape(split, (POINTS * PARTS, WIDTH))
    for n in range(POINTS):
        for p in range(PARTS):
            np.testing.assert_array_equal(split[n * PARTS + p], part(array, p)[n])
    np.testing.assert_array_equal(ball.join(split), array)


@all_norms
def test_one_part_is_the_ball_itself(norm):
    array = jnp.asarray(np.random.default_rng(0).normal(size=(POINTS, DIM)), jnp.float32)
    usual, one = Ball(0.7, norm), Ball(0.7, norm, 1)
    assert usual == one
    np.testing.assert_array_equal(one.split(array), array)
    np.testing.assert_array_equal(one.join(array), array)
    np.testing.assert_allclose(one.size(array), np.linalg.norm(array, ord=ORDER[norm], axis=1), rtol=1e-5)
    np.testing.assert_allclose(one.dual_size(array), np.linalg.norm(array, ord=DUAL[norm], axis=1), rtol=1e-5)


@all_norms
@pytest.mark.parametrize("step", [project, steepest], ids=["project", "steepest"])
@given(array=rows, radius=radii)
def test_steps_are_those_of_a_single_ball_for_every_part(step, norm, array, radius):
    ball = Ball(radius, norm, PARTS)
    np.testing.assert_allclose(step(ball, array), part_by_part(step, ball, array), rtol=1e-6, atol=1e-6)


@all_norms
@given(array=rows)
def test_size_is_the_largest_part_and_the_dual_size_their_sum(norm, array):
    ball = Ball(2.0, norm, PARTS)
    np.testing.assert_allclose(ball.size(jnp.asarray(array)), sizes(array, ORDER[norm]).max(axis=1), rtol=1e-5)
    np.testing.assert_allclose(ball.dual_size(jnp.asarray(array)), sizes(array, DUAL[norm]).sum(axis=1), rtol=1e-5)


@all_norms
@given(gradient=rows, radius=radii)
def test_steepest_step_attains_the_sum_of_dual_norms(norm, gradient, radius):
    step = np.asarray(steepest(Ball(radius, norm, PARTS), gradient), np.float64)
    dual = sizes(gradient, DUAL[norm])
    np.testing.assert_allclose(np.sum(gradient * step, axis=1), radius * dual.sum(axis=1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(sizes(step, ORDER[norm]), np.where(dual > 0, radius, 0.0), rtol=1e-5)


@all_norms
def test_no_random_point_of_the_product_beats_the_steepest_step(norm):
    gradient = np.random.default_rng(1).normal(size=DIM).astype(np.float32)
    ball = Ball(0.7, norm, PARTS)
    best = float(gradient @ np.asarray(steepest(ball, gradient[None, :]))[0])
    for points in (surface(ball, KEY), interior(ball, KEY)):
        reached = np.asarray(points) @ gradient
        assert reached.max() <= best + 1e-5
        assert reached.max() > 0.6 * best


@all_norms
def test_parts_do_not_see_each_others_scale(norm):
    """A part with a tiny gradient steps as far as one with a huge gradient; one without a gradient stays."""
    gradient = np.tile(np.array([3.0, -4.0, 0.0, 1.0], np.float32), PARTS)[None, :]
    scale = np.repeat(np.array([1e-36, 1e25, 0.0], np.float32), WIDTH)
    step = np.array(steepest(Ball(2.0, norm, PARTS), jnp.asarray(scale * gradient)))
    expected = np.array(steepest(Ball(2.0, norm, PARTS), jnp.asarray(gradient)))
    expected[:, 2 * WIDTH :] = 0.0
    np.testing.assert_allclose(step, expected, rtol=1e-5)


@all_norms
def test_surface_parts_all_have_norm_radius_and_are_independent(norm):
    points = np.asarray(surface(Ball(0.3, norm, PARTS), KEY), np.float64)
    np.testing.assert_allclose(sizes(points, ORDER[norm]), 0.3, rtol=1e-5)
    error = 5 / math.sqrt(len(points))
    np.testing.assert_allclose(points.mean(axis=0), 0.0, atol=error * points.std())
    correlation = np.corrcoef(points.T)
    np.testing.assert_allclose(correlation - np.eye(DIM), 0.0, atol=error)
    if norm != "linf":
        between = np.kron(np.eye(PARTS), np.ones((WIDTH, WIDTH))) == 0
        np.testing.assert_allclose(np.asarray(np.corrcoef(points.T**2))[between], 0.0, atol=error)


def test_l2_surface_is_uniform_on_the_sphere_of_every_part():
    """A coordinate of the uniform law on S³ has (t + 1)/2 ~ Beta(3/2, 3/2)."""
    points = np.asarray(surface(Ball(2.0, "l2", PARTS), KEY), np.float64) / 2.0
    for p in range(PARTS):
        assert has_law((part(points, p)[:, 1] + 1) / 2, stats.beta(1.5, 1.5).cdf)


@all_norms
def test_interior_points_scale_all_parts_by_one_uniform_factor(norm):
    found = sizes(interior(Ball(0.3, norm, PARTS), KEY), ORDER[norm])
    assert (found <= 0.3 * TINY_EXCESS).all()
    np.testing.assert_allclose(found, np.broadcast_to(found[:, :1], found.shape), rtol=1e-4)
    assert has_law(found[:, 0] / 0.3, stats.uniform.cdf)


@all_norms
def test_radius_zero_allows_only_zero(norm):
    ball = Ball(0.0, norm, PARTS)
    delta = jnp.asarray(np.random.default_rng(2).normal(size=(POINTS, DIM)), jnp.float32)
    for points in (project(ball, delta), steepest(ball, delta), surface(ball, KEY)):
        np.testing.assert_array_equal(np.abs(points), 0.0)


@all_norms
def test_radius_is_traced_and_parts_are_not(norm):
    chex.clear_trace_counter()
    twice = jax.jit(chex.assert_max_traces(lambda ball, delta: ball.project(delta), n=2))
    delta = jnp.full((2, DIM), 3.0)
    for radius in (0.1, 0.5, 0.0):
        for parts in (1, PARTS):
            found = twice(Ball(radius, norm, parts), delta)
            np.testing.assert_allclose(Ball(1.0, norm, parts).size(found), radius, rtol=1e-5)


# Attacks inside a product


def linear_case():
    """w with parts of very different sizes, points and labels ±1."""
    rng = np.random.default_rng(3)
    weight = rng.normal(size=DIM) * np.repeat([0.1, 1.0, 3.0], WIDTH)
    arrays = weight, rng.normal(size=(POINTS, DIM)), rng.choice([-1.0, 1.0], POINTS)
    return tuple(jnp.asarray(a, jnp.float32) for a in arrays)


@cache
def compiled(name: str, margin_of):
    """The attack on the margin of given parameters, compiled once for every ball's norm and type of label."""
    return jax.jit(lambda params, x, y, ball: ATTACKS[name](KEY, margin_of(params), x, y, ball))


def linear_margin(weight):
    return lambda x, y: y * jnp.sum(x * weight[None, :], axis=-1)


def lowest_linear(weight, x, y, radius: float, norm: Norm) -> np.ndarray:
    """y⟨w, x⟩ − τ Σ_p ‖w_p‖_*."""
    weight, x, y = (np.asarray(a, np.float64) for a in (weight, x, y))
    return y * (x @ weight) - radius * sizes(weight[None, :], DUAL[norm]).sum()


@pytest.mark.parametrize("name,norm", CASES)
@pytest.mark.parametrize("radius", [1e-3, 1 / 3, 7.0])
def test_no_attack_passes_the_lowest_linear_margin_and_gradients_reach_it(name, norm, radius):
    weight, x, y = linear_case()
    found = compiled(name, linear_margin)(weight, x, y, Ball(radius, norm, PARTS))
    assert (sizes(found.perturbation, ORDER[norm]) <= radius * TINY_EXCESS).all()
    lowest = lowest_linear(weight, x, y, radius, norm)
    fall = np.asarray(linear_margin(weight)(x, y)) - lowest
    assert (np.asarray(found.margin) >= lowest - 1e-5 * (1 + fall)).all()
    if name in GRADIENT:
        np.testing.assert_allclose(found.margin, lowest, rtol=1e-5, atol=1e-5 * (1 + fall.max()))


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_square_comes_near_the_lowest_linear_margin(norm):
    weight, x, y = linear_case()
    long = jax.jit(lambda ball: square(KEY, linear_margin(weight), x, y, ball, queries=600))
    found = long(Ball(0.5, norm, PARTS))
    clean = np.asarray(linear_margin(weight)(x, y))
    fall = (clean - np.asarray(found.margin)) / (clean - lowest_linear(weight, x, y, 0.5, norm))
    assert fall.min() > 0.85
    np.testing.assert_allclose(sizes(found.perturbation, ORDER[norm]), 0.5, rtol=1e-5)


def distance_margin(targets):
    """Σ_p ‖x_p − t_p‖², whatever the label."""
    return lambda x, y: jnp.sum((x - targets[None, :]) ** 2, axis=-1) + 0.0 * y


def test_apgd_minimises_a_sum_over_parts():
    """Over ‖δ_p‖ ≤ τ the least of Σ_p ‖x_p − t_p + δ_p‖² is Σ_p max(‖x_p − t_p‖ − τ, 0)²."""
    rng = np.random.default_rng(4)
    targets, x = rng.normal(size=DIM), rng.normal(size=(POINTS, DIM))
    far = sizes(x - targets, 2)
    radius = float(np.median(far))
    long = jax.jit(lambda x, y, ball: apgd(KEY, distance_margin(jnp.asarray(targets, jnp.float32)), x, y, ball, 200))
    found = long(jnp.asarray(x, jnp.float32), jnp.ones(POINTS), Ball(radius, "l2", PARTS))
    np.testing.assert_allclose(found.margin, np.sum(np.maximum(far - radius, 0.0) ** 2, axis=1), atol=0.02)


@all_norms
@pytest.mark.parametrize("bisections,rtol", [(0, 2e-3), (25, 2e-5)])
def test_minimal_norm_is_the_distance_to_the_plane(norm, bisections, rtol):
    """|f(x)|/Σ_p ‖w_p‖_*, the same in every part: one step goes just beyond it, and bisection back."""
    weight, x, y = linear_case()
    attack = partial(minimal_norm, KEY, linear_margin(weight), x, y, steps=1, bisections=bisections)
    found = jax.jit(lambda ball: attack(ball=ball))(Ball(100.0, norm, PARTS))
    exact = np.maximum(lowest_linear(weight, x, y, 0.0, norm), 0.0) / sizes(weight[None, :], DUAL[norm]).sum()
    assert 0 < (exact > 0).sum() < POINTS
    np.testing.assert_allclose(found.radius, exact, rtol=rtol, atol=2e-6)
    np.testing.assert_allclose(sizes(found.perturbation, ORDER[norm]).max(axis=1), found.radius, rtol=1e-6)


def class_net(params):
    """The class margin of a small net: not linear, and with labels that are classes."""
    first, second = params
    return lambda x, y: class_margin(jnp.tanh(x @ first) @ second, y)


def class_case():
    """Three classes; the labels are what the net says, but for the first."""
    rng = np.random.default_rng(5)
    arrays = rng.normal(size=(DIM, 8)) / 2, rng.normal(size=(8, 3)), rng.normal(size=(POINTS, DIM))
    first, second, x = (jnp.asarray(a, jnp.float32) for a in arrays)
    said = jnp.argmax(jnp.tanh(x @ first) @ second, axis=-1)
    return (first, second), x, said.at[0].set((said[0] + 1) % 3)


@pytest.mark.parametrize("name,norm", CASES)
def test_attacks_take_class_labels_and_stay_in_the_ball_of_every_part(name, norm):
    params, x, y = class_case()
    radius = {"l1": 1.0, "l2": 0.5, "linf": 0.25}[norm]
    found = compiled(name, class_net)(params, x, y, Ball(radius, norm, PARTS))
    assert (sizes(found.perturbation, ORDER[norm]) <= radius * TINY_EXCESS).all()
    if norm != "linf":  # a ball of the whole row would not have room for it
        assert np.linalg.norm(found.perturbation, ord=ORDER[norm], axis=1).max() > 1.3 * radius
    np.testing.assert_allclose(found.margin, class_net(params)(x + found.perturbation, y), atol=1e-5)
    if name in GRADIENT:
        assert (np.asarray(found.margin) < np.asarray(class_net(params)(x, y))).all()


def two_class_margin(weight):
    """The linear margin, for labels 0 and 1."""
    return lambda x, y: class_margin(jnp.stack([-0.5, 0.5])[None, :] * jnp.sum(x * weight[None, :], -1)[:, None], y)


@pytest.mark.parametrize("name", ATTACKS)
def test_integer_labels_change_nothing(name):
    weight, x, sign = linear_case()
    ball = Ball(0.4, "l2", PARTS)
    expected = compiled(name, linear_margin)(weight, x, sign, ball)
    found = compiled(name, two_class_margin)(weight, x, jnp.where(sign > 0, 1, 0), ball)
    chex.assert_trees_all_close(found, expected, atol=1e-4)


def test_minimal_norm_takes_class_labels():
    params, x, y = class_case()
    found = jax.jit(lambda ball: minimal_norm(KEY, class_net(params), x, y, ball))(Ball(9.0, "l2", PARTS))
    right = np.asarray(class_net(params)(x, y)) > 0
    np.testing.assert_array_equal(right, np.arange(POINTS) > 0)
    np.testing.assert_array_equal(np.asarray(found.radius) > 0, right)
    beyond = class_net(params)(x + 1.001 * found.perturbation, y)
    before = class_net(params)(x + 0.999 * found.perturbation, y)
    assert (np.asarray(beyond)[right] < 1e-5).all()
    assert (np.asarray(before)[right] > -1e-5).all()
    np.testing.assert_allclose(sizes(found.perturbation, 2).max(axis=1), found.radius, rtol=1e-5)


# The worst case over attacks


def seeds_case():
    """Linear classifiers of labels 0 and 1 that are right everywhere, one a seed."""
    rng = np.random.default_rng(6)
    weight, x = (jnp.asarray(rng.normal(size=(SEEDS, *shape)), jnp.float32) for shape in ((DIM,), (POINTS, DIM)))
    return weight, x, jnp.where(jnp.einsum("snd,sd->sn", x, weight) > 0, 1, 0)


@all_norms
def test_worst_case_stands_exactly_where_theory_says(norm):
    weight, x, y = seeds_case()
    share = []
    for radius in (0.0, 0.1, 0.3, 1.0):
        ball = Ball(radius, norm, PARTS)
        found = worst_case(KEY, two_class_margin, weight, x, y, ball, (Noise(), FGM()))
        lowest = np.stack([lowest_linear(weight[s], x[s], 2 * y[s] - 1, radius, norm) for s in range(SEEDS)])
        np.testing.assert_array_equal(found.standing, lowest > 0)
        np.testing.assert_allclose(found.margin[found.standing], lowest[found.standing], atol=1e-4)
        assert found.warnings == ()
        share.append(found.standing.mean())
    assert share[0] == 1.0 > share[2] > share[3]


@dataclass(frozen=True)
class Stretched(Attack):
    """FGM whose parts are then stretched."""

    factors: tuple[float, ...]

    def __call__(self, key, margin, x, y, ball):
        delta = jnp.repeat(jnp.asarray(self.factors), WIDTH)[None, :] * FGM().perturb(key, margin, x, y, ball)
        return Attacked(delta, margin(x + delta, y))


@all_norms
def test_a_perturbation_outside_one_part_does_not_count(norm):
    """At a radius that breaks every point, only perturbations inside every part's ball may do so."""
    weight, x, y = seeds_case()
    ball = Ball(30.0, norm, PARTS)
    within, outside = Stretched((1.0, 1.0, 1.0), name="within"), Stretched((0.1, 0.1, 1.001), name="outside")
    found = worst_case(KEY, two_class_margin, weight, x, y, ball, (within,))
    assert not found.standing.any()
    assert found.warnings == ()
    cheated = worst_case(KEY, two_class_margin, weight, x, y, ball, (outside, within))
    assert (cheated.broken_by == 1).all()
    (warning,) = cheated.warnings
    assert f"outside left the ball at {SEEDS * POINTS} points" in warning

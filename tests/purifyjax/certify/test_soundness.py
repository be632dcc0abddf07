"""No certificate may exceed the exact minimum, which is found by enumeration at tiny size."""

from __future__ import annotations

from functools import partial
from itertools import combinations, product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from purifyjax.attacks import FGM, PGD, worst_case
from purifyjax.balls import Ball
from purifyjax.certify import certify, crown, interval, lipschitz, prepare
from purifyjax.models import NetMargin, SymmetricReLU

NETS, NEURONS = 2000, 3
TOLERANCE = 1e-9
MODEL = SymmetricReLU(NEURONS, precision=jax.lax.Precision.HIGHEST)
margin_of = NetMargin(MODEL)


def output(weight, threshold, x):
    """f at points x [point, dim] of one net, in float64."""
    p = x @ weight.T
    return np.sum(np.maximum(p - threshold, 0) - np.maximum(-p - threshold, 0), axis=-1)


def random_net(rng, dim):
    """Nets of every kind: silent and active neurons, negative thresholds, nearly collinear weights."""
    weight = rng.normal(size=(NEURONS, dim)) * rng.choice([0.3, 1.0, 3.0])
    if rng.random() < 0.3:
        weight = weight[:1] + 0.1 * weight
    threshold = rng.normal(size=NEURONS) * rng.choice([0.1, 0.5, 1.0]) + rng.choice([0.0, 0.5])
    return weight, threshold


def minimum_l2(weight, threshold, x, radius):
    """The exact minimum of f over a disc, by enumeration.

    f is linear on the regions that the lines ⟨w_i, z⟩ = ±b_i cut out of the disc, so its minimum lies at a crossing
    of two lines, of a line and the circle, or where the circle's normal is one of the regions' gradients.
    """
    lines = [(w, s * b) for w, b in zip(weight, threshold, strict=True) for s in (1.0, -1.0)]
    points = [x]
    for (u, a), (w, b) in combinations(lines, 2):
        system = np.stack([u, w])
        if abs(np.linalg.det(system)) > 1e-12:
            points.append(np.linalg.solve(system, [a, b]))
    for w, b in lines:
        foot = x + w * (b - w @ x) / (w @ w)
        rest = radius**2 - np.sum((foot - x) ** 2)
        if rest >= 0:
            along = np.array([-w[1], w[0]]) / np.linalg.norm(w) * np.sqrt(rest)
            points += [foot + along, foot - along]
    for slopes in product((0.0, 1.0, 2.0), repeat=len(threshold)):
        gradient = np.array(slopes) @ weight
        if np.linalg.norm(gradient) > 0:
            points.append(x - radius * gradient / np.linalg.norm(gradient))
    inside = [z for z in points if np.linalg.norm(z - x) <= radius * (1 + 1e-12)]
    return output(weight, threshold, np.array(inside)).min()


def minimum_linf(weight, threshold, x, radius):
    """The exact minimum of f over a box, as a mixed-integer program.

    Variables: z, then for both ReLUs of every neuron its value v ≥ max(0, t) and a switch s in {0, 1} with
    v ≤ t − l(1 − s), v ≤ u s, where l ≤ t ≤ u on the box; the minimum of Σ v⁺ − v⁻ is exact.
    """
    m, d = weight.shape
    rows = np.concatenate([weight, -weight])
    bias = np.concatenate([threshold, threshold])
    reach = radius * np.abs(rows).sum(1)
    centre = rows @ x - bias
    low, high = np.minimum(centre - reach, -1e-6), np.maximum(centre + reach, 1e-6)
    n, eye = 2 * m, np.eye(2 * m)
    zero = np.zeros((n, n))
    constraints = [
        LinearConstraint(np.hstack([-rows, eye, zero]), -bias, np.inf),  # pyright: ignore[reportArgumentType]
        LinearConstraint(np.hstack([-rows, eye, -np.diag(low)]), -np.inf, -bias - low),
        LinearConstraint(np.hstack([np.zeros((n, d)), eye, -np.diag(high)]), -np.inf, 0.0),
    ]
    cost = np.concatenate([np.zeros(d), np.ones(m), -np.ones(m), np.zeros(n)])
    least = np.concatenate([x - radius, np.zeros(2 * n)])
    most = np.concatenate([x + radius, np.maximum(high, 0), np.ones(n)])
    found = milp(
        cost,
        constraints=constraints,
        integrality=np.concatenate([np.zeros(d + n), np.ones(n)]),
        bounds=Bounds(least, most),  # pyright: ignore[reportArgumentType]
        options={"mip_rel_gap": 0.0},
    )
    assert found.status == 0
    return found.fun


@pytest.fixture(scope="module")
def discs():
    """Random nets in the plane, a point and a radius each, and the exact minimum."""
    rng = np.random.default_rng(0)
    cases = []
    for _ in range(NETS):
        weight, threshold = random_net(rng, 2)
        x, radius = rng.normal(size=2), rng.choice([0.05, 0.3, 1.0])
        y = 1.0 if output(weight, threshold, x[None])[0] >= 0 else -1.0
        cases.append((weight, threshold, x, y, radius, minimum_l2(weight, threshold, y * x, radius)))
    return cases


def bounds(weight, threshold, x, y, ball):
    """Every bound of one point, by name."""
    net = prepare(weight, threshold, ball.norm)
    frame = (y * x)[None]
    with jax.enable_x64(True):
        cheap = {b.__name__: float(_cheap(b)(net, frame, ball)[0]) for b in (lipschitz, interval, crown)}
    full = certify(net, x[None], np.array([y]), ball, cells=2)
    return cheap | {"quadratic": full.lower[0]}


@partial(jax.jit, static_argnums=0)
def _run(bound, net, x, ball):
    return bound(net, x, ball)


def _cheap(bound):
    return partial(_run, bound)


def test_the_enumeration_finds_the_minimum_of_a_fine_grid(discs):
    """The reference itself: no point of a fine polar grid lies lower, and the best one is close."""
    angle, scale = np.meshgrid(np.linspace(0, 2 * np.pi, 361), np.linspace(0, 1, 61))
    grid = np.stack([scale * np.cos(angle), scale * np.sin(angle)], axis=-1).reshape(-1, 2)
    for weight, threshold, x, y, radius, exact in discs[:200]:
        lowest = output(weight, threshold, y * x + radius * grid).min()
        assert exact <= lowest + 1e-9
        assert lowest - exact <= 0.03 * radius * np.abs(weight).sum() * 2


def test_no_bound_exceeds_the_exact_minimum_over_a_disc(discs):
    tight = 0
    for weight, threshold, x, y, radius, exact in discs:
        found = bounds(weight, threshold, x, y, Ball(radius))
        for name, value in found.items():
            assert value <= exact + TOLERANCE, (name, value, exact)
        tight += found["quadratic"] > 0
    # The test would be empty if the bounds were useless: many of the points that can be certified are.
    possible = sum(case[-1] > 0 for case in discs)
    assert tight > 0.8 * possible


def test_no_bound_exceeds_the_exact_minimum_over_a_box():
    rng = np.random.default_rng(1)
    tight = possible = 0
    for _ in range(300):
        weight, threshold = random_net(rng, 4)
        x, radius = rng.normal(size=4), rng.choice([0.02, 0.1, 0.4])
        y = 1.0 if output(weight, threshold, x[None])[0] >= 0 else -1.0
        exact = minimum_linf(weight, threshold, y * x, radius)
        found = bounds(weight, threshold, x, y, Ball(radius, "linf"))
        for name, value in found.items():
            assert value <= exact + 1e-6, (name, value, exact)
        tight += found["quadratic"] > 0
        possible += exact > 0
    assert tight > 0.7 * possible


@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_no_attack_beats_a_certificate(norm):
    """Wide random nets in which silent neurons may wake; the bound is never above what an attack reaches."""
    rng = np.random.default_rng(2)
    seeds, points, dim = 3, 40, 12
    weight = rng.normal(size=(seeds, NEURONS, dim))
    threshold = rng.uniform(-0.2, 1.0, (seeds, NEURONS))
    x = rng.normal(size=(seeds, points, dim))
    y = np.stack([np.sign(output(weight[s], threshold[s], x[s])) for s in range(seeds)])
    y[y == 0] = 1.0
    params = {"weight": jnp.asarray(weight, jnp.float32), "threshold": jnp.asarray(threshold, jnp.float32)}
    suite = (FGM(), PGD(steps=40, restarts=4))
    for radius in (0.05, 0.2, 0.6):
        ball = Ball(radius if norm != "linf" else radius / 3, norm)
        attacked = worst_case(
            jax.random.key(0), margin_of, params, jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32), ball, suite
        )
        for s in range(seeds):
            found = certify(prepare(weight[s], threshold[s], norm), x[s], y[s], ball)
            assert np.all(found.lower <= attacked.margin[s] + 1e-5)
            assert not np.any(found.certified & ~attacked.standing[s])
            np.testing.assert_array_equal(found.certified, found.lower > 0)

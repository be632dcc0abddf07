"""No perturbation of a patch network may pass its bound, and the bound is reached where it can be."""

from __future__ import annotations

from functools import partial
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from purifyjax.attacks import Attacked, apgd
from purifyjax.attacks.gradient import descend
from purifyjax.balls import Ball, Norm
from purifyjax.certify.patches import patch_margin
from purifyjax.margins import class_margin
from purifyjax.models import PatchCNN

CLASSES, FILTERS, PATCHES, DIM, POINTS = 3, 2, 4, 5, 6
NORMS: tuple[Norm, ...] = ("l2", "linf", "l1")
DUAL = {"l1": np.inf, "l2": 2, "linf": 1}
SETTINGS = [(2, 1.0), (3, 0.7), (6, 2.0)]
KEY = jax.random.key(0)

all_norms = pytest.mark.parametrize("norm", NORMS)
settings = pytest.mark.parametrize("exponent,knee", SETTINGS)
bound = jax.jit(patch_margin, static_argnums=1)


def sigma(t, exponent: int, knee: float) -> np.ndarray:
    """The smoothed ReLU in float64, by its pieces."""
    t = np.asarray(t, np.float64)
    pieces = np.clip(t, 0.0, knee) ** exponent / (exponent * knee ** (exponent - 1))
    return np.where(t <= knee, pieces, t - (1 - 1 / exponent) * knee)


def true_margin(weight, exponent, knee, x, y) -> np.ndarray:
    """F_y(x) − max_{c ≠ y} F_c(x) in float64; x may have axes before [point, patches*dim]."""
    weight, x, y = np.asarray(weight, np.float64), np.asarray(x, np.float64), np.asarray(y)
    patches = x.reshape(*x.shape[:-1], -1, weight.shape[2])
    logits = sigma(np.einsum("...pd,crd->...pcr", patches, weight), exponent, knee).sum(axis=(-3, -1))
    others = np.where(np.arange(len(weight)) == y[:, None], -np.inf, logits).max(axis=-1)
    return np.take_along_axis(logits, np.broadcast_to(y[:, None], (*logits.shape[:-1], 1)), -1)[..., 0] - others


@partial(jax.jit, static_argnums=1)
def attacked(weight, exponent, knee, x, y, ball):
    """The lowest margins that gradients and injected filters find."""
    model = PatchCNN(CLASSES, FILTERS, PATCHES, exponent, knee, precision=jax.lax.Precision.HIGHEST)

    def margin(inputs, labels):
        return class_margin(cast(jax.Array, model.apply({"params": {"weight": weight}}, inputs)), labels)

    everywhere = jnp.tile(weight[:, 0], (1, PATCHES))
    found = [apgd(KEY, margin, x, y, ball, steps=25, restarts=2)]
    # `TowardsClasses` from every other class; a record of its own for every weight would compile anew.
    for shift in range(1, CLASSES):
        delta = ball.steepest(everywhere[(y + shift) % CLASSES])
        found.append(descend(margin, x, y, ball, Attacked(delta, margin(x + delta, y)), steps=10))
    return [attack.perturbation for attack in found]


@jax.jit
def random_points(ball):
    """Perturbations [draw, point, patches*dim] on the surface and in the interior of every patch's ball."""
    keys = jax.random.split(KEY, 500)
    shape = (POINTS, PATCHES * DIM)
    drawn = [jax.vmap(lambda key: draw(key, shape))(keys) for draw in (ball.surface, ball.interior)]  # noqa: B023
    return jnp.concatenate(drawn)


def random_case(seed: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Weights, some of them collinear, points, and as labels what the network says, but for the last point."""
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(CLASSES, FILTERS, DIM)) * rng.choice([0.3, 1.0, 3.0])
    if seed % 2:
        weight[1] = -weight[0]
    x = rng.normal(size=(POINTS, PATCHES * DIM))
    logits = np.stack([sigma(x.reshape(POINTS, PATCHES, DIM) @ w.T, 3, 1.0).sum(axis=(1, 2)) for w in weight], -1)
    y = logits.argmax(axis=-1)
    y[-1] = (y[-1] + 1) % CLASSES
    return jnp.asarray(weight, jnp.float32), jnp.asarray(x, jnp.float32), jnp.asarray(y)


# Soundness


@pytest.mark.parametrize("norm", ["l2", "linf"])
@settings
@pytest.mark.parametrize("seed", range(4))
def test_no_perturbation_passes_the_bound(norm, exponent, knee, seed):
    weight, x, y = random_case(seed)
    for radius in (0.05, 0.3, 1.0):
        ball = Ball(radius, norm, PATCHES)
        proven = np.asarray(bound(weight, exponent, knee, x, y, ball), np.float64)
        tried = np.concatenate([random_points(ball), np.stack(attacked(weight, exponent, knee, x, y, ball))])
        moved = np.asarray(x, np.float64) + tried
        # float32 perturbations may leave the ball by a hair, which moves the margin by a hair.
        assert (true_margin(weight, exponent, knee, moved, y) >= proven - 1e-6).all()


def minimum_by_grid(weight, x, y, radius: float) -> np.ndarray:
    """The least margin over patches of one number, of two classes: a sum over patches, each minimised on a grid."""
    weight, x = np.asarray(weight, np.float64), np.asarray(x, np.float64)
    grid = x[..., None, None] + radius * np.linspace(-1.0, 1.0, 401)[:, None]
    own, other = (sigma(grid * weight[label, None, None, :, 0], 3, 0.7).sum(axis=-1) for label in (y, 1 - y))
    return (own - other).min(axis=-1).sum(axis=-1)


@all_norms
@pytest.mark.parametrize("seed", range(4))
def test_the_bound_is_below_the_minimum_by_enumeration(norm, seed):
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(2, 3, 1)).astype(np.float32)
    x, y = rng.normal(size=(20, PATCHES)).astype(np.float32), rng.integers(0, 2, 20)
    ball = Ball(0.4, norm, PATCHES)
    assert (np.asarray(bound(weight, 3, 0.7, x, y, ball)) <= minimum_by_grid(weight, x, y, 0.4)).all()
    # Where the filters of a class agree, and oppose the other's, the worst for one of them is the worst for all.
    opposed = np.abs(weight) * np.array([1.0, -1.0], np.float32)[:, None, None]
    proven = np.asarray(bound(opposed, 3, 0.7, x, y, ball))
    lowest = minimum_by_grid(opposed, x, y, 0.4)
    assert (proven <= lowest).all()
    np.testing.assert_allclose(proven, lowest, atol=1e-3)


# Closed forms


def one_filter_case(seed: int):
    """w of class 1, and points: half of them labelled 1."""
    rng = np.random.default_rng(seed)
    w = rng.normal(size=DIM).astype(np.float32)
    x = rng.normal(size=(POINTS, PATCHES * DIM)).astype(np.float32)
    return w, x, np.arange(POINTS) % 2, x.reshape(POINTS, PATCHES, DIM).astype(np.float64) @ w.astype(np.float64)


@all_norms
@settings
@pytest.mark.parametrize("seed", range(3))
def test_one_filter_is_bounded_exactly(norm, exponent, knee, seed):
    """Σ_p σ(⟨w, x_p⟩ − ε ‖w‖_*) where it is the own class's, −Σ_p σ(⟨w, x_p⟩ + ε ‖w‖_*) where another's."""
    w, x, y, product = one_filter_case(seed)
    weight = np.zeros((CLASSES, FILTERS, DIM), np.float32)
    weight[1, 1] = w
    reach = 0.3 * np.linalg.norm(w.astype(np.float64), ord=DUAL[norm])
    own, other = (sigma(product + sign * reach, exponent, knee).sum(axis=1) for sign in (-1.0, 1.0))
    exact = np.where(y == 1, own, -other)
    ball = Ball(0.3, norm, PATCHES)
    proven = np.asarray(bound(weight, exponent, knee, x, y, ball), np.float64)
    assert (proven <= exact).all()
    np.testing.assert_allclose(proven, exact, atol=5e-4)
    step = ball.steepest(jnp.asarray(np.where(y == 1, -1, 1)[:, None] * np.tile(w, PATCHES), jnp.float32))
    np.testing.assert_allclose(true_margin(weight, exponent, knee, x + step, y), exact, rtol=1e-5, atol=1e-6)


@all_norms
@settings
def test_two_opposite_filters_are_bounded_exactly(norm, exponent, knee):
    """One step in every patch silences the one as it wakes the other, so that both bounds are reached at once."""
    w, x, y, product = one_filter_case(5)
    weight = np.stack([-2.0 * w, w])[:, None]
    sign = np.where(y == 1, 1.0, -1.0)
    reach = 0.3 * np.linalg.norm(w.astype(np.float64), ord=DUAL[norm])
    pushed = product - (sign * reach)[:, None]
    exact = sign * (sigma(pushed, exponent, knee) - sigma(-2.0 * pushed, exponent, knee)).sum(axis=1)
    ball = Ball(0.3, norm, PATCHES)
    proven = np.asarray(bound(weight, exponent, knee, x, y, ball), np.float64)
    assert (proven <= exact).all()
    np.testing.assert_allclose(proven, exact, atol=5e-4)
    step = ball.steepest(jnp.asarray(-sign[:, None] * np.tile(w, PATCHES), jnp.float32))
    np.testing.assert_allclose(true_margin(weight, exponent, knee, x + step, y), exact, rtol=1e-5, atol=1e-6)


def test_bound_by_hand():
    """q = 2, ϱ = 1, ε = ½: σ(3 − 1) + σ(1 − 1) = 3/2 of the own class, σ(¼ + ¼) + σ(−1 + ¼) = 1/8 of the other."""
    weight, x = jnp.array([[[0.0, 2.0]], [[0.5, 0.0]]]), jnp.array([[0.5, 1.5, -2.0, 0.5]])
    for norm in NORMS:
        ball = Ball(0.5, norm, 2)
        np.testing.assert_allclose(bound(weight, 2, 1.0, x, jnp.array([0]), ball), [1.5 - 0.125], atol=1e-4)
        # The other way round: σ(¼ − ¼) + σ(−1 − ¼) = 0 against σ(3 + 1) + σ(1 + 1) = 3.5 + 1.5.
        np.testing.assert_allclose(bound(weight, 2, 1.0, x, jnp.array([1]), ball), [-5.0], atol=1e-4)


@all_norms
@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("scale", [0.0, 0.01, 1.0, 30.0, 1e3, 1e5])
def test_rounding_does_not_lift_the_bound(norm, scale, label):
    """One filter a class, of many terms, far above the knee: an exact bound without room for errors of float32."""
    rng = np.random.default_rng(0)
    w = rng.normal(size=64).astype(np.float32)
    x = (scale * rng.normal(size=(200, PATCHES * 64))).astype(np.float32)
    product = x.reshape(200, PATCHES, 64).astype(np.float64) @ w.astype(np.float64)
    radius = float(np.float32(5.0 if scale < 1 else 0.3))
    reach = radius * np.linalg.norm(w.astype(np.float64), ord=DUAL[norm])
    sign = 1.0 if label == 0 else -1.0
    exact = sign * sigma(product - sign * reach, 3, 0.7).sum(axis=1)
    weight = np.stack([w, np.zeros_like(w)])[:, None]
    proven = np.asarray(bound(weight, 3, 0.7, x, np.full(200, label), Ball(radius, norm, PATCHES)), np.float64)
    assert (proven <= exact).all()
    np.testing.assert_allclose(proven, exact, atol=0.02 * max(scale, 1.0))


# Shape of the bound


@all_norms
@settings
def test_radius_zero_gives_the_margin(norm, exponent, knee):
    weight, x, y = random_case(2)
    proven = np.asarray(bound(weight, exponent, knee, x, y, Ball(0.0, norm, PATCHES)), np.float64)
    clean = true_margin(weight, exponent, knee, x, y)
    assert (proven <= clean).all()
    np.testing.assert_allclose(proven, clean, atol=2e-3)
    assert proven[-1] < 0 < proven[:-1].max()


@all_norms
@given(seed=st.integers(0, 1000), radii=st.tuples(st.floats(0.0, 2.0), st.floats(0.0, 2.0)))
def test_the_bound_falls_with_the_radius(norm, seed, radii):
    weight, x, y = random_case(seed)
    small, large = (np.asarray(bound(weight, 3, 0.7, x, y, Ball(jnp.float32(r), norm, PATCHES))) for r in sorted(radii))
    assert (large <= small + 1e-5 * (1 + np.abs(small))).all()
    if max(radii) > min(radii) + 0.1:
        assert (large < small).all()


@pytest.mark.parametrize("seed", range(3))
def test_larger_balls_have_lower_bounds(seed):
    """The ℓ1 ball lies inside the ℓ2 ball, and this one inside the ℓ∞ ball."""
    weight, x, y = random_case(seed)
    l1, l2, linf = (np.asarray(bound(weight, 3, 0.7, x, y, Ball(0.2, norm, PATCHES))) for norm in ("l1", "l2", "linf"))
    assert (linf < l2).all()
    assert (l2 < l1).all()

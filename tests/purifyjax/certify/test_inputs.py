"""Bounds at every scale, of nothing, and of what they would misread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.balls import Ball
from purifyjax.certify import (
    best_robust_linear,
    certify,
    crown,
    histogram,
    interval,
    linear_class_bound,
    linear_robust_margin,
    lipschitz,
    patch_margin,
    prepare,
    separable_margin,
    smoothed_radius,
)
from purifyjax.errors import ConfigError

KEY, N, DIM, NEURONS = jax.random.key(0), 6, 4, 3
RNG = np.random.default_rng(1)
X, WEIGHT, THRESHOLD = RNG.normal(size=(N, DIM)), RNG.normal(size=(NEURONS, DIM)), RNG.uniform(0.0, 0.5, NEURONS)
NORMS = ("l1", "l2", "linf")
DUAL = {"l1": np.inf, "l2": 2, "linf": 1}
BOUNDS = {"crown": crown, "interval": interval, "lipschitz": lipschitz}
SCALES = (1e-25, 1e-20, 1.0, 1e20, 1e25)


def output(x: np.ndarray, weight=WEIGHT, threshold=THRESHOLD) -> np.ndarray:
    p = x @ weight.T
    return np.sum(np.maximum(p - threshold, 0) - np.maximum(-p - threshold, 0), axis=1)


Y = np.where(output(X) >= 0, 1.0, -1.0)


def single(net):
    """As users of float32 have it; the budget of tiny weights is beyond it, and no matter for cheap bounds."""
    with np.errstate(over="ignore"):
        return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf, np.float32)), net)


_bounds = {name: jax.jit(bound) for name, bound in BOUNDS.items()}


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("scale", SCALES)
def test_float32_bounds_of_linear_nets_stay_below_the_truth(norm, scale):
    """b = −10: every neuron is awake, f = 2⟨Σ w_i, x⟩, whose least value is known; CROWN is exact there."""
    net = single(prepare(scale * WEIGHT, np.full(NEURONS, -10.0 * scale), norm))
    total = 2.0 * np.asarray(net.weight, float).sum(axis=0)
    x = np.asarray(Y[:, None] * X, np.float32)
    exact = x.astype(float) @ total - 0.1 * np.linalg.norm(total, ord=DUAL[norm])
    for name, bound in _bounds.items():
        found = np.asarray(bound(net, x, Ball(0.1, norm)), float)
        assert (found <= exact).all(), name
        if name == "crown":
            np.testing.assert_allclose(found, exact, rtol=1e-4, atol=1e-3 * scale)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("scale", SCALES)
def test_float32_bounds_of_nets_stay_below_every_margin_in_the_ball(norm, scale):
    net = single(prepare(scale * WEIGHT, scale * THRESHOLD, norm))
    x, ball = np.asarray(Y[:, None] * X, np.float32), Ball(0.1, norm)
    delta = np.asarray(ball.surface(KEY, (400 * N, DIM)), float)
    margins = output(np.repeat(x, 400, axis=0) + delta, scale * WEIGHT, scale * THRESHOLD).reshape(N, 400)
    for name, bound in _bounds.items():
        found = np.asarray(bound(net, x, ball), float)
        assert np.isfinite(found).all() and (found <= margins.min(axis=1)).all(), name


@pytest.mark.parametrize("norm", NORMS)
def test_cheap_bounds_are_of_the_balls_norm_whatever_the_nets(norm):
    own, ball = single(prepare(WEIGHT, THRESHOLD, norm)), Ball(0.1, norm)
    for other in NORMS:
        for name, bound in _bounds.items():
            found = bound(single(prepare(WEIGHT, THRESHOLD, other)), X, ball)
            np.testing.assert_allclose(found, bound(own, X, ball), rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("scale", SCALES)
def test_certificates_have_no_scale(norm, scale):
    """f → s f, and x → s x with its radius: the same points are certified, by bounds in proportion."""
    ball, units = Ball(0.05, norm), 2.0 ** round(np.log2(scale))
    plain = certify(prepare(WEIGHT, THRESHOLD, norm), X, Y, ball)
    assert 0 < plain.certified.sum() < N or plain.certified.all()
    louder = certify(prepare(units * WEIGHT, units * THRESHOLD, norm), X, Y, ball)
    np.testing.assert_allclose(louder.lower, units * plain.lower, rtol=1e-6)
    farther = certify(prepare(WEIGHT, units * THRESHOLD, norm), units * X, Y, Ball(0.05 * units, norm))
    np.testing.assert_allclose(farther.lower, units * plain.lower, rtol=1e-6)
    np.testing.assert_array_equal(farther.certified, plain.certified)


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("radius", [1e-25, 1e25])
def test_radii_far_from_the_points_scale_give_a_bound_all_the_same(norm, radius):
    found = certify(prepare(WEIGHT, THRESHOLD, norm), X, Y, Ball(radius, norm))
    assert not np.isnan(found.lower).any()
    margins = Y * output(X)
    assert (found.lower <= margins + 1e-9).all()
    np.testing.assert_array_equal(found.certified, (margins > 0) & (radius < 1))


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_nets_without_weights_and_no_points(norm):
    nothing = prepare(np.zeros((NEURONS, DIM)), THRESHOLD, norm)
    found = certify(nothing, X, Y, Ball(0.1, norm))
    assert (found.lower <= 0).all() and not np.isnan(found.lower).any() and not found.certified.any()
    partly = prepare(np.vstack([WEIGHT[:2], np.zeros((1, DIM))]), THRESHOLD, norm)
    assert certify(partly, X, np.where(output(X, partly.weight) >= 0, 1.0, -1.0), Ball(1e-3, norm)).certified.any()  # pyright: ignore
    empty = certify(prepare(WEIGHT, THRESHOLD, norm), X[:0], Y[:0], Ball(0.1, norm))
    assert empty.lower.shape == empty.certified.shape == (0,)
    for bound in BOUNDS.values():
        assert np.isneginf(bound(single(nothing), jnp.full((1, DIM), jnp.nan), Ball(0.1, norm))).all()
        assert bound(single(nothing), jnp.zeros((0, DIM)), Ball(0.1, norm)).shape == (0,)


def test_other_bounds_of_no_points_are_empty():
    assert separable_margin([1.0], np.zeros((0, 3)), 0.1).shape == (0,)
    smoothed = smoothed_radius(KEY, margin_of, WEIGHT[0], jnp.zeros((0, DIM)), jnp.zeros(0), 0.5, draws=3)
    assert smoothed.radius.shape == (0,)
    assert patched(jnp.zeros((0, 4)), jnp.zeros(0, int)).shape == (0,)


def patched(x, y, knee: float = 1.0):
    return patch_margin(jnp.ones((2, 1, 2)), 3, knee, x, y, Ball(0.1, parts=2))


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_patch_bounds_have_no_scale(norm, scale):
    """With knee and weights s times as large, logits are."""
    weight, x = jnp.asarray(RNG.normal(size=(2, 2, 3)), jnp.float32), jnp.asarray(RNG.normal(size=(4, 6)), jnp.float32)
    y, ball = jnp.array([0, 1, 0, 1]), Ball(0.05, norm, 2)
    plain = patch_margin(weight, 3, 1.0, x, y, ball)
    scaled = patch_margin(jnp.float32(scale) * weight, 3, scale, x, y, ball)
    np.testing.assert_allclose(np.asarray(scaled, float) / scale, plain, rtol=1e-4, atol=1e-5)


def sample(key, n):
    x = jax.random.normal(key, (n, 3))
    return x, jnp.sign(x[:, 0])


def test_bounds_of_the_linear_class_have_no_scale():
    plain = linear_class_bound(KEY, sample, 100, 2.0)
    assert 0.5 < plain.with_intercept <= 1.0
    for scale in (1e-25, 1e-15, 1e18, 1e25):
        far = linear_class_bound(KEY, lambda k, n, by=scale: (by * sample(k, n)[0], sample(k, n)[1]), 100, 2.0 * scale)
        np.testing.assert_allclose(far[4:], plain[4:], rtol=1e-3)
        np.testing.assert_allclose(np.array(far[:2]) / scale**2, plain[:2], rtol=1e-3)
    assert linear_class_bound(KEY, sample, 100, 1e-25).with_intercept == 1.0
    zero = linear_class_bound(KEY, lambda k, n: (jnp.zeros((n, 3)), jnp.ones(n)), 100, 1.0)
    assert np.isfinite(zero[:4]).all() and 0.5 <= zero.with_intercept < 0.51


def margin_of(p):
    return lambda x, y: y * (x @ p)


def smoothed(y, std: float, **options: Any):
    return smoothed_radius(KEY, margin_of, WEIGHT[0], jnp.asarray(X), jnp.asarray(y), std, **options)


NAN, INF = float("nan"), float("inf")
NET = prepare(WEIGHT, THRESHOLD, "l2")
ODD: dict[str, Callable[[], Any]] = {
    "labels 0 and 1": lambda: certify(NET, X, (Y > 0).astype(float), Ball(0.1)),
    "labels as a column": lambda: certify(NET, X, Y[:, None], Ball(0.1)),
    "images": lambda: certify(NET, X.reshape(N, 2, 2), Y, Ball(0.1)),
    "points of another length": lambda: certify(NET, X[:, :3], Y, Ball(0.1)),
    "points with NaN": lambda: certify(NET, np.where(X > 1, NAN, X), Y, Ball(0.1)),
    "no radius": lambda: certify(NET, X, Y, Ball(0.0)),
    "parts": lambda: certify(NET, X, Y, Ball(0.1, parts=2)),
    "half a cell": lambda: certify(NET, X, Y, Ball(0.1), cells=1.5),  # pyright: ignore
    "splits": lambda: certify(NET, X, Y, Ball(0.1), splits=-1),
    "lowering": lambda: certify(NET, X, Y, Ball(0.1), lowering=(0.0,)),
    "norm": lambda: prepare(WEIGHT, THRESHOLD, "L2"),  # pyright: ignore
    "thresholds": lambda: prepare(WEIGHT, THRESHOLD[1:], "l2"),
    "net of another norm": lambda: certify(NET, X, Y, Ball(0.1, "linf")),
    "no net": lambda: certify(None, X, Y, Ball(0.1)),  # pyright: ignore
    "radius of every point": lambda: certify(NET, X, Y, Ball(np.full(N, 0.1))),  # pyright: ignore
    "places of standing points": lambda: certify(NET, X, Y, Ball(0.1), standing=np.array([2, 3])),
    "some standing": lambda: certify(NET, X, Y, Ball(0.1), standing=np.ones(N - 1, bool)),
    "lowering in words": lambda: certify(NET, X, Y, Ball(0.1), lowering="all"),  # pyright: ignore
    "parts of crown": lambda: crown(NET, X, Ball(0.1, parts=2)),  # pyright: ignore
    "parts of interval": lambda: interval(NET, X, Ball(0.1, parts=2)),  # pyright: ignore
    "parts of lipschitz": lambda: lipschitz(NET, X, Ball(0.1, parts=2)),  # pyright: ignore
    "parts of the linear": lambda: linear_robust_margin({"weight": WEIGHT[0], "intercept": 0.0}, Ball(0.1, parts=2)),
    "complex weights": lambda: prepare(WEIGHT * 1j, THRESHOLD, "l2"),
    "weights in words": lambda: prepare([["one"]], [0.0], "l2"),  # pyright: ignore
    "key": lambda: smoothed_radius(0, margin_of, WEIGHT[0], jnp.asarray(X), jnp.asarray(Y), 0.5),  # pyright: ignore
    "two deviations": lambda: smoothed(Y, np.array([0.1, 0.2])),  # pyright: ignore
    "two radii": lambda: separable_margin([1.0], X, np.array([0.1, 0.2])),  # pyright: ignore
    "complex values": lambda: separable_margin([1.0], X * 1j, 0.1),
    "coefficients in words": lambda: separable_margin(["one"], X, 0.1),
    "histogram": lambda: histogram(X * NAN),
    "infinite weights": lambda: prepare(WEIGHT * INF, THRESHOLD, "l2"),
    "std": lambda: smoothed(Y, INF),
    "draws": lambda: smoothed(Y, 0.1, draws=2.5),
    "confidence": lambda: smoothed(Y, 0.1, confidence=NAN),
    "smoothed labels": lambda: smoothed((Y > 0) * 1.0, 0.1),
    "separable radius": lambda: separable_margin([1.0], X, NAN),
    "separable values": lambda: separable_margin([1.0], X * NAN, 0.1),
    "coefficients": lambda: separable_margin([INF], X, 0.1),
    "class of the bound": lambda: linear_class_bound(KEY, sample, 10.5, 1.0),  # pyright: ignore
    "points of the bound": lambda: linear_class_bound(KEY, lambda k, n: (sample(k, n)[0] * NAN, jnp.ones(n)), 10, 1.0),
    "bound's radius": lambda: linear_class_bound(KEY, sample, 10, INF),
    "no training points": lambda: best_robust_linear((X[:0], Y[:0]), (X, Y), 0.1),
    "linear labels": lambda: best_robust_linear((X, (Y > 0) * 1.0), (X, Y), 0.1),
    "decay": lambda: best_robust_linear((X, Y), (X, Y), 0.1, decays=(NAN,)),
    "unknown class": lambda: patched(jnp.ones((1, 4)), jnp.array([2])),
    "patches": lambda: patched(jnp.ones((1, 5)), jnp.array([1])),
    "knee": lambda: patched(jnp.ones((1, 4)), jnp.array([1]), knee=0.0),
}


@pytest.mark.parametrize("case", ODD)
def test_what_bounds_would_misread_is_refused(case):
    with pytest.raises(ConfigError):
        ODD[case]()

"""Kernels against scipy, Monte Carlo, closed forms and explicit ridge regression."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from purifyjax.errors import ConfigError
from purifyjax.models import (
    RandomFeatures,
    TangentKernel,
    feature_kernel,
    kernel_margin,
    kernel_ridge,
    output,
    tangent_kernel,
)
from purifyjax.models.kernels import upper_tail

DIM, POINTS = 4, 6
FULL = jax.lax.Precision.HIGHEST
KERNELS = {"tangent": tangent_kernel, "features": feature_kernel}


def points(seed: int, n: int = POINTS) -> jax.Array:
    return jax.random.normal(jax.random.key(seed), (n, DIM))


def tail_cases() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thresholds in [0, 3], correlations all over and up to 1e-6 from ±1, also for almost equal thresholds."""
    rng = np.random.default_rng(0)
    h, k = rng.uniform(0, 3, (2, 120))
    k[80:100] = h[80:100] + 0.01 * rng.normal(size=20)
    rho = np.concatenate([rng.uniform(-0.9, 0.9, 60), rng.choice([-1, 1], 60) * (1 - 10 ** rng.uniform(-6, -1, 60))])
    return h, k, rho


def test_the_tail_equals_scipy():
    """To six digits in float64 for |ρ| ≤ 0.9 and far beyond; to 1e-5 where the integrand has a narrow step."""
    h, k, rho = tail_cases()
    # Its stubs take a covariance for a whole number.
    pairs = (multivariate_normal([0, 0], [[1, r], [r, 1]]) for r in rho)  # pyright: ignore[reportArgumentType]
    exact = np.array([pair.cdf([-a, -b]) for pair, a, b in zip(pairs, h, k, strict=True)])
    single = np.asarray(jax.jit(upper_tail)(*(jnp.asarray(a, jnp.float32) for a in (h, k, rho))))
    with jax.enable_x64(True):
        double = np.asarray(jax.jit(upper_tail)(*map(jnp.asarray, (h, k, rho))))
    np.testing.assert_allclose(double[:60], exact[:60], atol=1e-12)
    np.testing.assert_allclose(double[60:], exact[60:], atol=1e-5)
    np.testing.assert_allclose(single, exact, atol=1e-5)


def test_closed_forms_of_the_tail():
    """L(0, 0, ρ) = ¼ + arcsin(ρ)/2π, L(h, k, 0) = Φ(−h) Φ(−k), L(h, h, 1) = Φ(−h), L(h, k, −1) = 0 for h + k > 0."""
    tail, rho = jax.jit(upper_tail), jnp.linspace(-1.0, 1.0, 21)
    np.testing.assert_allclose(tail(0 * rho, 0 * rho, rho), 0.25 + np.arcsin(rho) / (2 * np.pi), atol=1e-6)
    h = jnp.linspace(0.1, 2.0, 5)
    cdf = jax.scipy.stats.norm.cdf(-h)
    np.testing.assert_allclose(tail(h, h, jnp.ones(5)), cdf, atol=1e-6)
    np.testing.assert_allclose(tail(h, h, jnp.zeros(5)), cdf**2, atol=1e-7)
    np.testing.assert_allclose(tail(h, h, -jnp.ones(5)), np.zeros(5), atol=1e-6)


def test_derivatives_of_the_tail_are_finite_differences():
    h, k, rho = (a[:60] for a in tail_cases())
    with jax.enable_x64(True):
        tail = jax.jit(upper_tail)
        args = [jnp.asarray(a) for a in (h, k, rho)]
        for index in range(3):
            gradient = jax.grad(lambda *a: tail(*a).sum(), index)(*args)
            up, down = ([*args[:index], args[index] + s, *args[index + 1 :]] for s in (1e-6, -1e-6))
            np.testing.assert_allclose(gradient, (tail(*up) - tail(*down)) / 2e-6, atol=1e-8)


@pytest.mark.parametrize("name", list(KERNELS))
@pytest.mark.parametrize("threshold", [0.0, 0.8, 2.5])
def test_the_kernel_equals_the_mean_over_neurons(name, threshold):
    """Within five standard errors of 50 000 neurons."""
    x, z = np.asarray(points(1), np.float64), np.asarray(points(2), np.float64)
    w = np.random.default_rng(3).normal(size=(50_000, DIM))

    def feature(p):
        if name == "tangent":
            return (p >= threshold) * 1.0 + (-p >= threshold)
        return np.maximum(p - threshold, 0) - np.maximum(-p - threshold, 0)

    a, b = feature(x @ w.T), feature(z @ w.T)
    mean = a @ b.T / len(w)
    error = np.sqrt(np.maximum(a**2 @ (b**2).T / len(w) - mean**2, 0) / len(w))
    if name == "tangent":
        mean, error = mean * (x @ z.T), error * np.abs(x @ z.T)
    exact = np.asarray(jax.jit(KERNELS[name](threshold))(jnp.asarray(x, jnp.float32), jnp.asarray(z, jnp.float32)))
    np.testing.assert_array_less(np.abs(exact - mean), 5 * error + 1e-5)
    assert np.abs(exact).max() > 20 * error.max()


@pytest.mark.parametrize("name", list(KERNELS))
def test_the_kernel_of_a_wide_model_tends_to_the_infinite_one(name):
    """The module's own Gram matrix of parameter gradients, over 4096 neurons: 10% of the largest entry."""
    module = (TangentKernel if name == "tangent" else RandomFeatures)(4096, 0.8, FULL)
    x = points(4)
    variables = module.init(jax.random.key(1), x)

    def row(point):
        gradient = jax.grad(lambda p: output(module, p, point, fixed=variables["fixed"]))(variables["params"])
        return jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(gradient)])

    features = jax.vmap(row)(x)
    exact = np.asarray(jax.jit(KERNELS[name](0.8))(x, x))
    np.testing.assert_allclose(features @ features.T / 4096, exact, atol=0.1 * np.abs(exact).max())


@pytest.mark.parametrize("name", list(KERNELS))
def test_without_threshold_the_kernel_is_linear(name):
    x, z = points(5), points(6, 3)
    np.testing.assert_allclose(jax.jit(KERNELS[name](0.0))(x, z), x @ z.T, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", list(KERNELS))
def test_the_kernel_is_symmetric_and_positive(name):
    x = points(7, 20)
    kernel = jax.jit(KERNELS[name](1.0))
    gram = np.asarray(kernel(x, x), np.float64)
    np.testing.assert_allclose(gram, gram.T, atol=1e-5)
    assert np.linalg.eigvalsh(gram)[0] > -1e-4
    np.testing.assert_allclose(kernel(-x, x), -gram, atol=1e-5)


@pytest.mark.parametrize("name", list(KERNELS))
def test_the_kernel_is_finite_where_it_has_a_kink(name):
    """At equal, opposite and zero points, with finite derivatives."""
    x = jnp.concatenate([points(8, 2), jnp.zeros((1, DIM))])
    z = jnp.concatenate([x, -x])
    value, gradient = jax.jit(jax.value_and_grad(lambda a: KERNELS[name](0.7)(a, z).sum()))(x)
    assert np.isfinite(value) and np.isfinite(np.asarray(gradient)).all()


# Ridge regression


def test_ridge_equals_the_regression_on_the_features():
    """With the kernel of 9 random features, f(x) = ⟨θ, φ(x)⟩ for θ = (ΦᵀΦ + λ I)⁻¹ Φᵀ y."""
    module = RandomFeatures(9, 0.3, FULL)
    fixed = module.init(jax.random.key(2), points(0))["fixed"]

    def features(x):
        p = np.asarray(x, np.float64) @ np.asarray(fixed["weight"], np.float64).T
        return np.maximum(p - 0.3, 0) - np.maximum(-p - 0.3, 0)

    x, fresh, y = points(9, 15), points(10), np.sign(np.arange(15) % 3 - 0.5)
    dual = kernel_ridge(lambda a, b: jnp.asarray(features(a) @ features(b).T, jnp.float32), x, y, ridge=0.5)
    phi = features(x)
    theta = np.linalg.solve(phi.T @ phi + 0.5 * np.eye(9), phi.T @ y)
    f = features(fresh) @ features(x).T @ np.asarray(dual, np.float64)
    np.testing.assert_allclose(f, features(fresh) @ theta, atol=1e-4)
    coefficient = {"coefficient": jnp.asarray(theta, jnp.float32)}
    np.testing.assert_allclose(output(module, coefficient, fresh, fixed=fixed), f, atol=1e-4)


def test_a_small_ridge_interpolates_and_the_margin_has_the_gradient_of_the_predictor():
    kernel, x = jax.jit(tangent_kernel(0.5)), points(11, 8)
    y = jnp.where(jnp.arange(8) % 2 == 0, 1.0, -1.0)
    margin = jax.jit(kernel_margin(kernel, x, kernel_ridge(kernel, x, y, ridge=1e-3)))
    np.testing.assert_allclose(margin(x, y), np.ones(8), atol=0.05)
    fresh, one = points(12), jnp.ones(POINTS)
    gradient = np.asarray(jax.grad(lambda a: margin(a, one).sum())(fresh))
    for j in range(DIM):
        e = 1e-2 * jnp.eye(DIM)[j][None, :]
        difference = (margin(fresh + e, one) - margin(fresh - e, one)) / 2e-2
        np.testing.assert_allclose(gradient[:, j], difference, rtol=5e-2, atol=2e-2)


def test_bad_arguments():
    x, y = points(0), np.ones(POINTS)
    for ridge in (0.0, -1.0):
        with pytest.raises(ConfigError, match="^ridge λ = "):
            kernel_ridge(tangent_kernel(0.5), x, y, ridge)
    with pytest.raises(ConfigError, match="singular to rounding"):
        kernel_ridge(lambda a, b: -(a @ b.T), x, y, 1e-3)
    for kernel in KERNELS.values():
        with pytest.raises(ConfigError, match="^threshold t = -1"):
            kernel(-1.0)

"""The bound of all linear classifiers: closed forms, brute force over classifiers, and the best one found."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import beta

from purifyjax.attacks import fgm
from purifyjax.balls import Ball
from purifyjax.certify import best_robust_linear, linear_class_bound, linear_robust_margin
from purifyjax.certify.linear_class import _adversarial_logistic, best_intercept, chernoff_upper
from purifyjax.errors import ConfigError
from purifyjax.models import Linear, margin

KEY = jax.random.key(2)
DIM, SIZE = 8, 2.0


def spikes(key, n):
    """x = ±2 e_j with uniform j in 8 dimensions, y its sign: E x xᵀ = I/2."""
    key_axis, key_sign = jax.random.split(key)
    y = jax.random.rademacher(key_sign, (n,), jnp.float32)
    return SIZE * y[:, None] * jax.nn.one_hot(jax.random.randint(key_axis, (n,), 0, DIM), DIM), y


def heavy(key, n):
    """x = t e_1 with t of Laplace's law, y its sign: E x₁² = 2, and x is unbounded."""
    t = jax.random.laplace(key, (n, 1))
    return t * jnp.eye(2)[:1], jnp.sign(t[:, 0])


# The bound


def test_the_bound_of_a_known_second_moment():
    bound = linear_class_bound(KEY, spikes, 100_000, radius=1.2)
    assert bound.truncation == pytest.approx(SIZE**2)
    assert 0.5 <= bound.estimate < bound.upper < 0.53
    # Nothing lies beyond the truncation, and (1 − p)^n = η/2 there.
    points = 13 * 8192
    assert bound.excess == pytest.approx(1 - 0.0005 ** (1 / points), rel=1e-6)
    # The other half of η: n kl(λ̂/R, λ/R) = −log(η/2).
    q, p = bound.estimate / SIZE**2, bound.upper / SIZE**2
    divergence = q * np.log(q / p) + (1 - q) * np.log((1 - q) / (1 - p))
    assert points * divergence == pytest.approx(-np.log(0.0005), rel=1e-6)
    assert bound.without_intercept == pytest.approx(bound.excess + bound.upper / 1.44)
    assert bound.with_intercept == pytest.approx(0.5 + bound.without_intercept / 2)
    small = linear_class_bound(KEY, spikes, 100_000, radius=0.5)
    assert small.with_intercept == small.without_intercept == 1.0


def test_truncation_counts_what_it_leaves_out():
    bound = linear_class_bound(KEY, heavy, 100_000, radius=3.0)
    x = np.asarray(heavy(jax.random.key(7), 400_000)[0], np.float64)
    assert bound.truncation > 20
    assert np.mean(x[:, 0] ** 2 > bound.truncation) <= bound.excess < 2e-3
    assert np.mean(x[:, 0] ** 2 * (x[:, 0] ** 2 <= bound.truncation)) <= bound.upper < 2.3
    assert np.mean(np.abs(x[:, 0]) > 3.0) <= bound.without_intercept


def test_the_limit_holds_as_often_as_stated():
    """Of 400 samples of rare rewards at 90% confidence, no more fail than the exact binomial interval would."""
    n, p = 200, 0.02
    counts = np.random.default_rng(0).binomial(n, p, 400)
    limits = {count: chernoff_upper(count / n, n, 0.9) for count in np.unique(counts)}
    assert np.mean([limits[count] < p for count in counts]) <= 0.1
    for count, limit in limits.items():
        exact = beta.ppf(0.9, count + 1, n - count)
        assert exact <= limit + 1e-12 and limit < exact + 0.02  # they agree where the count is 0


def test_closed_forms_of_the_limit():
    """(1 − p)^n = η where the mean is 0; 1 where it is 1; the divergence spends the budget in between."""
    assert chernoff_upper(0.0, 50, 0.99) == pytest.approx(1 - 0.01 ** (1 / 50))
    assert chernoff_upper(1.0, 50, 0.99) == 1.0
    q, p = 0.3, chernoff_upper(0.3, 50, 0.99)
    assert 50 * (q * np.log(q / p) + (1 - q) * np.log((1 - q) / (1 - p))) == pytest.approx(-np.log(0.01))
    assert chernoff_upper(0.2, 50, 0.99) < p


# Soundness by brute force, on the law of the spikes: all of its 2d points


SUPPORT = np.concatenate([SIZE * np.eye(DIM), -SIZE * np.eye(DIM)])
LABELS = np.repeat([1.0, -1.0], DIM)


@pytest.mark.parametrize("radius", [0.8, 1.2, 1.9])
def test_no_linear_classifier_beats_the_bound(radius):
    """Random ones, sparse ones (the best here), and all intercepts."""
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(3000, DIM)) * (rng.random((3000, DIM)) < rng.random((3000, 1)))
    w = directions / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-9)
    c = rng.normal(size=3000) * rng.choice([0.0, 1.0, 3.0], 3000)
    robust = np.mean(LABELS * (w @ SUPPORT.T + c[:, None]) > radius * np.linalg.norm(w, axis=1)[:, None], axis=1)
    pairs = SIZE**2 / DIM / radius**2
    assert robust.max() <= 0.5 + pairs / 2
    assert 0 < robust[c == 0].max() <= pairs


def test_no_quadratic_classifier_beats_the_bound():
    """In the plane, attacked at 120 points of the disc; the pair (x, −x) is robust only if the linear part is."""
    rng = np.random.default_rng(1)
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    radius = 1.0
    disc = radius * np.concatenate([ring, 0.6 * ring, 0.3 * ring])
    half = np.concatenate([1.3 * ring[:20:2], 0.2 * ring[:20:2]])  # half of them lie within the radius
    x, label = np.concatenate([half, -half]), np.where(half @ [1.0, 0.3] >= 0, 1.0, -1.0)
    y = np.concatenate([label, -label])
    moment = np.linalg.eigvalsh(x.T @ x / len(x))[-1]
    points = x[:, None, :] + disc[None, :, :]
    best, seen = 0.0, 0
    for _ in range(2000):
        form, w, c = rng.normal(size=(2, 2)), rng.normal(size=2), rng.normal()
        form *= rng.choice([0.0, 0.1, 1.0])
        f = np.einsum("npi,ij,npj->np", points, form, points) + points @ w + c
        robust = (y[:, None] * f > 0).all(axis=1)
        best = max(best, float(robust.mean()))
        both = robust & np.roll(robust, len(half))
        seen += int(both.sum())
        assert (np.abs(x[both] @ w) > 0.99 * radius * np.linalg.norm(w)).all()
    assert 0.5 <= best <= 0.5 + moment / radius**2 / 2
    assert seen > 20


def test_a_cubic_does_beat_it():
    """Σ x_j³ is robust on every spike up to the radius s/√2: the bound needs an odd part of degree 1."""
    radius = 0.99 * SIZE / np.sqrt(2)
    rng = np.random.default_rng(2)
    delta = rng.normal(size=(2000, DIM)) * (rng.random((2000, DIM)) < 0.3)
    delta *= radius / np.maximum(np.linalg.norm(delta, axis=1, keepdims=True), 1e-9)
    t = radius * np.linspace(0, 1, 50)
    worst = np.zeros((50, DIM))
    worst[:, 0], worst[:, 1] = -t, -np.sqrt(radius**2 - t**2)
    f = ((SUPPORT[:, None, :] + np.concatenate([delta, worst, -worst])[None]) ** 3).sum(axis=-1)
    assert (LABELS[:, None] * f > 0).all()
    assert 0.5 + SIZE**2 / DIM / radius**2 / 2 < 0.65


# The best linear classifier


@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_the_least_margin_of_a_linear_model(norm):
    """FGM attains it; at w = 0 it has a finite slope."""
    ball = Ball(0.7, norm)
    x, y = jax.random.normal(KEY, (20, 3)), jnp.where(jnp.arange(20) % 2 == 0, 1.0, -1.0)
    params = {"weight": jnp.array([1.0, -2.0, 0.5]), "intercept": jnp.asarray(0.3)}
    model = Linear(jax.lax.Precision.HIGHEST)
    attacked = fgm(KEY, lambda x, y: margin(model, params, x, y), x, y, ball)
    np.testing.assert_allclose(linear_robust_margin(params, ball)(x, y), attacked.margin, rtol=1e-5, atol=1e-5)
    start = {"weight": jnp.zeros(3), "intercept": jnp.zeros(())}
    slope = jax.grad(lambda p: linear_robust_margin(p, ball)(x, y).mean())(start)
    np.testing.assert_allclose(slope["weight"], (y[:, None] * x).mean(0), rtol=1e-5, atol=1e-6)


def test_the_logistic_minimiser_is_the_minimiser():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(80, 2))
    y = np.sign(x[:, 0] + 0.5 + 0.5 * rng.normal(size=80))

    def objective(theta):
        t = y * (x @ theta[:2] + theta[2]) - 0.3 * np.linalg.norm(theta[:2])
        return np.mean(np.log1p(np.exp(-t))) + 0.01 * (theta[:2] @ theta[:2]) / 2

    exact = minimize(objective, [0.5, 0.1, 0.1], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13})
    np.testing.assert_allclose(_adversarial_logistic(x, y, 0.3, 0.01), exact.x[:2], atol=2e-3)


def test_the_best_intercept_is_the_best_of_all():
    rng = np.random.default_rng(4)
    grid = np.linspace(-6, 6, 4001)
    for trial in range(30):
        score, y = rng.normal(size=25), rng.choice([-1.0, 1.0], 25) if trial else np.ones(25)
        reach = rng.choice([0.0, 0.5])

        def robust(c, score=score, y=y, reach=reach):
            return np.sum(y * (score + np.asarray(c)[..., None]) > reach, axis=-1)

        assert robust(best_intercept(score, y, reach)) >= robust(grid).max()


def shifted(seed, n=4000):
    """Two Gaussian classes about ±(1.5, 0, 0)."""
    rng = np.random.default_rng(seed)
    y = rng.choice([-1.0, 1.0], n)
    return y[:, None] * np.array([1.5, 0.0, 0.0]) + rng.normal(size=(n, 3)), y


def test_candidates_are_exact_and_come_near_the_optimum():
    """The best linear classifier is w = e_1, c = 0 with robust accuracy Φ(1.5 − τ)."""
    radius = 0.5
    candidates = best_robust_linear(shifted(0), shifted(1), radius, {"e_1": [2.0, 0, 0], "e_2": [0, 1.0, 0]})
    table = {(c.name, c.intercept_fitted): c for c in candidates}
    assert len(table) == len(candidates) == 1 + 2 * (1 + 2 + 6)
    assert table["e_1", False].robust_accuracy == pytest.approx(0.8413, abs=0.02)
    assert table["e_1", False].clean_accuracy == pytest.approx(0.9332, abs=0.015)
    assert table["e_2", False].robust_accuracy == pytest.approx(0.3085, abs=0.025)  # Φ(−τ)
    assert table["constant", True].robust_accuracy == pytest.approx(0.5, abs=0.03)
    assert table["constant", True].robust_accuracy == table["constant", True].clean_accuracy
    for name in ("class means", "logistic, r = 1 τ, λ = 0.0001"):
        assert table[name, False].robust_accuracy > table["e_1", False].robust_accuracy - 0.01
    x, y = shifted(1)
    for c in candidates:
        assert np.linalg.norm(c.weight) == pytest.approx(float(c.name != "constant"))
        size = np.linalg.norm(c.weight)
        assert c.robust_accuracy == np.mean(y * (x @ c.weight + c.intercept) > radius * size)


def test_a_direction_that_the_penalty_leaves_at_zero_is_left_out():
    """Where no direction is robust the adversarial loss is least at w = 0, whose direction is noise."""
    x = np.random.default_rng(5).normal(size=(400, 3))
    data = x, np.sign(x[:, 0])
    names = [c.name for c in best_robust_linear(data, data, 50.0, decays=(0.1,))]
    assert names == ["constant", "class means", "class means"]


# Bad input


@pytest.mark.parametrize(
    ("settings", "field"), [({"n": 0}, "points n"), ({"radius": 0.0}, "radius τ"), ({"confidence": 1.0}, "confidence")]
)
def test_bad_settings_of_the_bound(settings, field):
    with pytest.raises(ConfigError, match=f"^{field} = "):
        linear_class_bound(KEY, spikes, **({"n": 10, "radius": 1.0} | settings))


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"radius": -1.0}, "radius τ"),
        ({"decays": (-1.0,)}, "decays"),
        ({"reaches": (-0.5,)}, "reaches"),
        ({"directions": {"w": [0.0, 0, 0]}}, "norm of direction w"),
        ({"directions": {"w": [np.nan, 0, 0]}}, "norm of direction w"),
    ],
)
def test_bad_settings_of_the_search(settings, field):
    with pytest.raises(ConfigError, match=f"^{field} = "):
        best_robust_linear(shifted(0, 20), shifted(1, 20), **({"radius": 0.5} | settings))

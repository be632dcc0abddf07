"""Fits against scipy and closed forms, and their invariances."""

from __future__ import annotations

from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from purifyjax.attacks import FGM, PGD
from purifyjax.balls import Ball
from purifyjax.errors import ConfigError
from purifyjax.models import Linear, Polynomial, margin
from purifyjax.training import converged, fit

KEY = jax.random.key(5)
LINEAR = Linear(jax.lax.Precision.HIGHEST)
START = {"weight": jnp.zeros(3), "intercept": jnp.zeros(())}
X = np.random.default_rng(0).normal(size=(60, 3))
Y = np.sign(X @ [1.0, -0.5, 0.2] + 0.3 + 0.8 * np.random.default_rng(1).normal(size=60))


def fixed_sample(key):
    return jnp.asarray(X, jnp.float32), jnp.asarray(Y, jnp.float32)


def fresh_sample(key, n=32):
    key_x, key_noise = jax.random.split(key)
    x = jax.random.normal(key_x, (n, 3))
    return x, jnp.where(x[:, 0] + 0.3 * jax.random.normal(key_noise, (n,)) >= 0, 1.0, -1.0)


def linear_margin(params):
    return partial(margin, LINEAR, params)


def least_margin(params, ball):
    """y f(x) − τ‖w‖, with slope 0 at w = 0."""
    size = jnp.sqrt(jnp.sum(params["weight"] ** 2) + 1e-20)
    return lambda x, y: margin(LINEAR, params, x, y) - ball.radius * size


def fitted(sample, radius=0.0, **settings):
    return jax.jit(lambda key, ball: fit(key, linear_margin, START, sample, ball, **settings))(KEY, Ball(radius))


@pytest.mark.parametrize("radius", [0.0, 0.4])
def test_a_convex_problem_ends_at_its_optimum(radius):
    """The same objective, minimised by scipy's BFGS in float64."""

    def objective(theta):
        t = Y * (X @ theta[:3] + theta[3]) - radius * np.sqrt(np.sum(theta[:3] ** 2) + 1e-20)
        return np.mean(np.log1p(np.exp(-t))) + 0.05 * np.sum(theta**2)

    exact = minimize(objective, np.full(4, 0.1), tol=1e-12)
    settings = {"adversary": "exact", "robust_margin_of": least_margin} if radius else {}
    result = fitted(fixed_sample, radius, steps=600, learning_rate=0.05, weight_decay=0.1, **settings)
    for params in (result.params, result.average):
        theta = np.append(params["weight"], params["intercept"])
        np.testing.assert_allclose(theta, exact.x, atol=2e-3)
        assert objective(theta) == pytest.approx(exact.fun, abs=1e-5)
    assert float(result.loss[0]) == pytest.approx(np.log(2), rel=1e-6)
    assert bool(converged(result.loss).converged)


def test_attacks_on_a_linear_model_find_the_exact_worst_case():
    """One steepest step is the inner maximum of a linear model; two of PGD end near it from their random start."""
    exact = fitted(fresh_sample, 0.3, adversary="exact", robust_margin_of=least_margin, steps=40)
    for adversary, tolerance in ((FGM(), 1e-4), (PGD.for_training(2), 1e-2)):
        attacked = fitted(fresh_sample, 0.3, adversary=adversary, steps=40)
        chex.assert_trees_all_close(exact.params, attacked.params, atol=tolerance)
    clean = fitted(fresh_sample, 0.3, steps=40)
    assert float(clean.loss[-1]) < float(exact.loss[-1]) - 0.01


def test_a_constant_gradient_gives_unit_steps_and_their_average():
    """Adam moves η_t = η (1 + cos(π t/T))/2 a step along a constant gradient; the average is over the last half."""
    steps, rate = 10, 0.1
    result = fit(
        KEY,
        lambda theta: lambda x, y: theta["a"] - 100.0 + 0 * y,
        {"a": jnp.zeros(())},
        fixed_sample,
        Ball(0.0),
        steps=steps,
        learning_rate=rate,
        loss="hinge",
    )
    path = np.cumsum(rate * (1 + np.cos(np.pi * np.arange(steps) / steps)) / 2)
    assert float(result.params["a"]) == pytest.approx(path[-1], rel=1e-4)
    assert float(result.average["a"]) == pytest.approx(path[5:].mean(), rel=1e-4)
    np.testing.assert_allclose(result.loss, 101.0 - np.append(0.0, path[:-1]), rtol=1e-5)


def test_the_hinge_loss_stops_at_margin_one():
    result = fit(
        KEY,
        lambda theta: lambda x, y: theta["a"] + 0 * y,
        {"a": jnp.full((), 2.0)},
        fixed_sample,
        Ball(0.0),
        steps=3,
        loss="hinge",
    )
    assert float(result.params["a"]) == 2.0
    np.testing.assert_array_equal(result.loss, np.zeros(3))


def test_it_is_a_function_of_the_key():
    run = jax.jit(lambda key: fit(key, linear_margin, START, fresh_sample, Ball(0.0), steps=20))
    one, other = run(KEY), run(jax.random.key(6))
    chex.assert_trees_all_equal(one, run(KEY))
    assert np.abs(np.asarray(one.loss - other.loss)).max() > 1e-3


def test_key_radius_rate_and_decay_are_axes():
    keys, radius = jax.random.split(KEY, 3), jnp.array([0.0, 0.2, 0.5])
    rate, decay = jnp.array([0.01, 0.03, 0.1]), jnp.array([0.0, 0.01, 0.1])

    @jax.jit
    @chex.assert_max_traces(1)
    def grid(keys, radius, rate, decay):
        return jax.vmap(one)(keys, radius, rate, decay)

    def one(key, radius, rate, decay):
        return fit(
            key,
            linear_margin,
            START,
            fresh_sample,
            Ball(radius),
            adversary=FGM(),
            steps=30,
            learning_rate=rate,
            weight_decay=decay,
        )

    together = grid(keys, radius, rate, decay)
    grid(keys, radius + 0.1, rate, decay)
    chex.assert_shape(together.loss, (3, 30))
    single = jax.jit(one)
    for i in range(3):
        alone = single(keys[i], radius[i], rate[i], decay[i])
        chex.assert_trees_all_close(jax.tree.map(lambda leaf, i=i: leaf[i], together), alone, rtol=1e-4, atol=1e-5)


def test_a_quadratic_learns_what_no_linear_model_can():
    """y = sign(x₁ x₂), of which every linear classifier gets half."""
    model = Polynomial(2, 4)
    params = dict(model.init(jax.random.key(0), jnp.zeros(3)))["params"]

    def sample(key, n=128):
        x = jax.random.normal(key, (n, 3))
        return x, jnp.where(x[:, 0] * x[:, 1] >= 0, 1.0, -1.0)

    settings = {"steps": 400, "learning_rate": 0.03}
    quadratic = jax.jit(lambda key: fit(key, partial(partial, margin, model), params, sample, Ball(0.0), **settings))(
        KEY
    )
    linear = fitted(sample, **settings)
    x, y = sample(jax.random.key(9), 2000)
    assert float(jnp.mean(margin(model, quadratic.params, x, y) > 0)) > 0.95
    assert float(jnp.mean(margin(LINEAR, linear.params, x, y) > 0)) < 0.56


# Convergence


def test_convergence_of_known_curves():
    step = np.arange(1000)
    noise = np.random.default_rng(0).normal(size=1000)
    curves = {
        "flat": (np.ones(1000), True),
        "falling by a tenth": (1.0 - 0.1 * (step >= 900), False),
        "falling by a hundredth": (1.0 - 0.01 * (step >= 900), True),
        "rising": (1.0 + 0.1 * (step >= 900), True),
        "a little noise": (1.0 + 0.02 * noise, True),
        "too noisy to tell": (1.0 + noise, False),
        "diverged": (np.where(step < 950, 1.0, np.nan), False),
        "solved": (np.maximum(0.0, 1.0 - step / 100), True),
    }
    for name, (curve, expected) in curves.items():
        assert bool(converged(curve).converged) == expected, name
    together = converged(np.stack([curve for curve, _ in curves.values()]))
    np.testing.assert_array_equal(together.converged, [expected for _, expected in curves.values()])


def test_the_drop_and_its_error_by_hand():
    """Tenths of four values: 2 ± and 1 ± alternate about their means by 0.1, with s² = 4·0.01/3."""
    loss = np.full(40, 3.0)
    loss[-8:] = [2.1, 1.9, 2.1, 1.9, 1.1, 0.9, 1.1, 0.9]
    found = converged(loss)
    assert float(found.drop) == pytest.approx(0.5)
    assert float(found.error) == pytest.approx(np.sqrt(2 * 0.04 / 3 / 4) / 2)


# Bad input


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"adversary": "fgm"}, "adversary"),
        ({"adversary": FGM}, "adversary"),
        ({"steps": 0}, "steps"),
        ({"loss": "square"}, "loss"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"weight_decay": -1.0}, "weight_decay"),
        ({"adversary": "exact"}, "robust_margin_of"),
        ({"robust_margin_of": least_margin}, "robust_margin_of"),
    ],
)
def test_bad_settings(settings, field):
    with pytest.raises(ConfigError, match=f"^{field} = ") as error:
        fit(KEY, linear_margin, START, fixed_sample, Ball(0.1), **settings)
    assert "\n" not in str(error.value)


def test_bad_losses():
    with pytest.raises(ConfigError, match="^steps of the loss = 19"):
        converged(np.ones(19))
    with pytest.raises(ConfigError, match="^tolerance = -1"):
        converged(np.ones(40), -1)

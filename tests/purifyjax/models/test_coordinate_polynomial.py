"""Polynomials a coordinate: closed form, oddness, weights, and their place among the symmetric ones."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.errors import ConfigError
from purifyjax.models import CoordinatePolynomial, SymmetricPolynomial, odd_polynomial, output

X = jnp.asarray(np.random.default_rng(0).normal(size=(9, 5)), jnp.float32)
ONES = {"label_weight": jnp.ones(5)}


def params(*coefficient, intercept=0.0):
    return {"coefficient": jnp.asarray(coefficient, jnp.float32), "intercept": jnp.float32(intercept)}


@pytest.mark.parametrize("degree", [1, 3, 5, 7])
def test_equals_its_closed_form(degree):
    rng, unit = np.random.default_rng(degree), 0.7
    a, w = rng.normal(size=(degree + 1) // 2), rng.normal(size=5)
    u = np.asarray(X, np.float64) / unit
    expected = 0.3 + sum(c * (w * u ** (2 * i + 1)).sum(axis=1) for i, c in enumerate(a))
    found = output(
        CoordinatePolynomial(degree, unit), params(*a, intercept=0.3), X, fixed={"label_weight": jnp.asarray(w)}
    )
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-4 * np.abs(expected).max())


def test_starts_at_zero_with_equal_weights():
    model = CoordinatePolynomial(7, 0.5)
    variables = model.init(jax.random.key(0), X)
    assert jax.tree.map(jnp.shape, dict(variables["params"])) == {"coefficient": (4,), "intercept": ()}
    np.testing.assert_array_equal(variables["fixed"]["label_weight"], np.ones(5))
    np.testing.assert_array_equal(model.apply(variables, X), np.zeros(9))


def test_odd_without_intercept():
    f = lambda x: output(CoordinatePolynomial(5), params(0.2, 1.0, -0.04), x, fixed=ONES)  # noqa: E731
    np.testing.assert_array_equal(f(-X), -f(X))


def test_the_critics_polynomial_by_hand():
    """p(u) = u³ − 0.04 u⁵ in units of 1/√k = ½, at x = ½, 1, −1½: u = 1, 2, −3."""
    x = jnp.array([[0.5, 1.0, -1.5]])
    model = CoordinatePolynomial(5, unit=0.5)
    found = output(model, params(0.0, 1.0, -0.04), x, fixed={"label_weight": jnp.ones(3)})
    np.testing.assert_allclose(found, (1 - 0.04) + (8 - 0.04 * 32) - (27 - 0.04 * 243), rtol=1e-5)


def test_of_degree_3_it_is_symmetric_polynomial_with_two_terms():
    symmetric = {"coefficient": jnp.zeros(7).at[1].set(0.4).at[6].set(1.5)}
    expected = output(SymmetricPolynomial(3), symmetric, X)
    np.testing.assert_allclose(output(CoordinatePolynomial(3), params(0.4, 1.5), X, fixed=ONES), expected, rtol=1e-4)


def test_numpy_stays_numpy():
    assert isinstance(odd_polynomial(np.ones(3), np.ones(2)), np.ndarray)
    np.testing.assert_allclose(odd_polynomial(np.array([1.0, 2.0, 3.0]), np.array([2.0])), [2 + 16 + 96])


@pytest.mark.parametrize(("degree", "unit", "says"), [(4, 1.0, "degree"), (-1, 1.0, "degree"), (3, 0.0, "unit")])
def test_bad_settings_are_named(degree, unit, says):
    with pytest.raises(ConfigError, match=says):
        CoordinatePolynomial(degree, unit).init(jax.random.key(0), X)

"""Symmetric polynomials: their terms, their invariance, and that averages over permutations lie among them."""

from __future__ import annotations

from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.errors import ConfigError
from purifyjax.models import Polynomial, SymmetricPolynomial, output, power_sum_terms

DIM = 3
FULL = jax.lax.Precision.HIGHEST


def points(n=40):
    return jnp.asarray(np.random.default_rng(0).normal(size=(n, DIM)), jnp.float32)


def test_terms_by_hand():
    values = [float(t[0]) for t in power_sum_terms(jnp.array([[1.0, -2.0, 3.0]]), 3)]
    assert values == pytest.approx([1, 2, 4, 14, 8, 28, 20])


@pytest.mark.parametrize("degree", [2, 3])
def test_invariant_under_permutations(degree):
    model = SymmetricPolynomial(degree)
    count = 4 if degree == 2 else 7
    params = {"coefficient": jnp.asarray(np.random.default_rng(1).normal(size=count), jnp.float32)}
    x = points()
    for order in permutations(range(DIM)):
        np.testing.assert_allclose(output(model, params, x[:, order]), output(model, params, x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("degree", [2, 3])
def test_the_average_of_any_polynomial_over_permutations_is_one(degree):
    """What Jensen's inequality needs: the terms span all invariant polynomials of the degree."""
    model = Polynomial(degree, 6, precision=FULL)
    x = points()
    params = dict(model.init(jax.random.key(0), x)["params"])
    leaves, tree = jax.tree.flatten(params)
    rng = np.random.default_rng(2)
    params = tree.unflatten([jnp.asarray(rng.normal(size=a.shape), jnp.float32) for a in leaves])
    average = np.mean([output(model, params, x[:, order]) for order in permutations(range(DIM))], axis=0)
    terms = np.stack([np.broadcast_to(t, average.shape) for t in power_sum_terms(x, degree)], axis=1)
    fitted, *_ = np.linalg.lstsq(terms, average, rcond=None)
    np.testing.assert_allclose(terms @ fitted, average, atol=1e-3)
    one = np.asarray(output(model, params, x))
    crooked, *_ = np.linalg.lstsq(terms, one, rcond=None)
    assert np.abs(terms @ crooked - one).max() > 0.1  # a polynomial that is not invariant is not among them


def test_scales_divide_the_terms():
    params = {"coefficient": jnp.ones(4)}
    x = points()
    plain = [np.asarray(t) for t in power_sum_terms(x, 2)]
    scaled = output(SymmetricPolynomial(2, (1.0, 2.0, 4.0, 8.0)), params, x)
    np.testing.assert_allclose(scaled, sum(t / s for t, s in zip(plain, (1, 2, 4, 8), strict=True)), rtol=1e-5)


@pytest.mark.parametrize(("settings", "says"), [({"degree": 4}, "degree"), ({"degree": 3, "scale": (1.0,)}, "scales")])
def test_bad_settings_are_named(settings, says):
    with pytest.raises(ConfigError, match=says):
        SymmetricPolynomial(**settings).init(jax.random.key(0), points())

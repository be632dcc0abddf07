"""Norms against float64, whatever the size of the entries, and against plain float32 to the last bit."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.norms import norm, power_of_two

ORDERS = {"l1": 1, "l2": 2, "linf": np.inf}
every_order = pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
measured = jax.jit(norm, static_argnames=("order", "keepdims"))


def rows(scale: float) -> np.ndarray:
    return (scale * np.random.default_rng(0).normal(size=(5, 7))).astype(np.float32)


@every_order
@pytest.mark.parametrize("scale", [1e-34, 1e-25, 1e-20, 1e-10, 1.0, 1e10, 1e20, 1e25, 1e37])
def test_a_norm_is_right_at_every_scale(order, scale):
    x = rows(scale)
    np.testing.assert_allclose(measured(x, order), np.linalg.norm(x.astype(float), ord=order, axis=-1), rtol=1e-6)
    assert measured(x, order, keepdims=True).shape == (5, 1)


@every_order
def test_where_squares_are_floats_the_bits_are_those_of_the_plain_norm(order):
    x = np.concatenate([rows(scale) for scale in (1e-3, 1.0, 77.0)])
    plain = jax.jit(lambda x: jnp.linalg.norm(x, ord=order, axis=-1))(x)
    np.testing.assert_array_equal(measured(x, order), plain)


@every_order
def test_rows_of_zeros_have_norm_zero_and_what_is_not_finite_is_not_hidden(order):
    x = jnp.array([[0.0, 0.0], [jnp.inf, 1.0], [jnp.nan, 1.0]])
    size = np.asarray(measured(x, order))
    assert size[0] == 0.0 and np.isinf(size[1]) and np.isnan(size[2])


def test_the_gradient_is_the_unit_vector_at_every_scale():
    for scale in (1e-25, 1.0, 1e25):
        x = rows(scale)[0]
        slope = jax.jit(jax.grad(lambda x: norm(x, 2)))(x)
        np.testing.assert_allclose(slope, x / np.linalg.norm(x.astype(float)), rtol=1e-5)


def test_units_are_powers_of_two_just_below_the_size():
    sizes = np.array([1e-37, 0.3, 1.0, 1.5, 2.0, 3e38], np.float32)
    units = np.asarray(jax.jit(power_of_two)(sizes))
    assert (np.frexp(units)[0] == 0.5).all()
    assert ((units <= sizes) & (sizes < 2.0 * units.astype(float))).all()
    np.testing.assert_array_equal(power_of_two(jnp.array([0.0, jnp.inf, jnp.nan])), 1.0)

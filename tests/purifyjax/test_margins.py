"""Margins, their gradients, and the margin of one fixed net, equal by the value of its parameters."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.errors import ConfigError
from purifyjax.frozen import FrozenTree
from purifyjax.margins import FixedMargin, class_margin, descent, margin_and_descent
from purifyjax.models import NetMargin, SymmetricReLU, margin
from purifyjax.models.margin import symmetric_net

DIM, NEURONS, POINTS = 5, 4, 7
MODEL = SymmetricReLU(NEURONS, precision=jax.lax.Precision.HIGHEST)


def linear(weight):
    return lambda x, y: y * (x @ weight)


def net(seed: int):
    """Weights and thresholds, as fresh arrays at every call."""
    rng = np.random.default_rng(seed)
    params = {"weight": rng.normal(size=(NEURONS, DIM)), "threshold": rng.uniform(0.0, 0.5, NEURONS)}
    return {name: value.astype(np.float32) for name, value in params.items()}


def points():
    rng = np.random.default_rng(9)
    x, y = rng.normal(size=(POINTS, DIM)), rng.choice([-1.0, 1.0], POINTS)
    return jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32)


# Gradients


def test_descent_is_the_negative_gradient():
    weight, y = jnp.array([1.0, -2.0]), jnp.array([1.0, -1.0])
    rows = descent(linear(weight), jnp.ones((2, 2)), y)
    np.testing.assert_allclose(rows, [[-1.0, 2.0], [1.0, -2.0]])


def test_every_row_has_the_gradient_of_its_own_margin():
    x, y = points()
    value, direction = margin_and_descent(NetMargin(MODEL)(net(0)), x, y)
    np.testing.assert_allclose(value, margin(MODEL, net(0), x, y), rtol=1e-6)
    one = jax.grad(lambda row, label: margin(MODEL, net(0), row[None, :], label[None])[0])
    np.testing.assert_allclose(direction, -jax.vmap(one)(x, y), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(descent(NetMargin(MODEL)(net(0)), x, y), direction)


# Classes


def test_class_margin_by_hand():
    found = class_margin(jnp.array([[3.0, 1.0, 2.5], [0.0, -1.0, 4.0], [2.0, 2.0, -1.0]]), jnp.array([0, 1, 0]))
    np.testing.assert_allclose(found, [0.5, -5.0, 0.0])


@pytest.mark.parametrize("classes", [2, 5])
def test_class_margin_is_positive_exactly_where_the_prediction_is_right(classes):
    rng = np.random.default_rng(1)
    logits, y = rng.normal(size=(200, classes)).astype(np.float32), rng.integers(0, classes, 200)
    found = np.asarray(class_margin(jnp.asarray(logits), jnp.asarray(y)))
    np.testing.assert_array_equal(found > 0, logits.argmax(axis=1) == y)
    if classes == 2:
        np.testing.assert_allclose(found, (logits[:, 1] - logits[:, 0]) * (2 * y - 1), rtol=1e-6)


# By value


def test_margins_of_equal_networks_are_equal():
    same = NetMargin(SymmetricReLU(NEURONS, precision=jax.lax.Precision.HIGHEST))
    assert same == NetMargin(MODEL) and hash(same) == hash(NetMargin(MODEL))
    assert NetMargin(SymmetricReLU(NEURONS + 1)) != NetMargin(MODEL)
    x, y = points()
    np.testing.assert_array_equal(same(net(0))(x, y), margin(MODEL, net(0), x, y))


def test_the_net_behind_a_margin_is_known_inside_a_transformation():
    params, (x, y) = net(0), points()
    params = {name: jnp.asarray(values) for name, values in params.items()}

    @jax.jit
    def by_hand(params, x, y):
        weight, threshold = symmetric_net(NetMargin(MODEL)(params), "a test")
        p, b = jnp.matmul(x, weight.T, precision=jax.lax.Precision.HIGHEST), threshold[None, :]
        return y * jnp.sum(jax.nn.relu(p - b) - jax.nn.relu(-p - b), axis=-1)

    np.testing.assert_allclose(by_hand(params, x, y), margin(MODEL, params, x, y), rtol=1e-5, atol=1e-6)
    weight, _ = symmetric_net(FixedMargin(NetMargin(MODEL), net(1)), "a test")
    np.testing.assert_array_equal(weight, net(1)["weight"])
    with pytest.raises(ConfigError, match="margin of a test = 'function'"):
        symmetric_net(lambda x, y: y, "a test")


def test_a_fixed_margin_is_that_of_its_net_equal_by_value():
    one, same, other = (FixedMargin(NetMargin(MODEL), net(seed)) for seed in (0, 0, 1))
    assert one == same and hash(one) == hash(same)
    assert one != other and one != FixedMargin(NetMargin(SymmetricReLU(NEURONS)), net(0))
    x, y = points()
    for fixed, seed in ((one, 0), (other, 1)):
        np.testing.assert_array_equal(fixed(x, y), margin(MODEL, net(seed), x, y))
    assert isinstance(one.params, FrozenTree)
    again = FixedMargin(one.margin_of, one.params)
    assert again == one and again.params is one.params


def test_a_fixed_margin_does_not_see_later_changes_of_its_parameters():
    params, (x, y) = net(0), points()
    fixed = FixedMargin(NetMargin(MODEL), params)
    before = np.asarray(fixed(x, y))
    params["weight"] *= 2.0
    params["threshold"] = np.full(NEURONS, 100.0, np.float32)
    np.testing.assert_array_equal(fixed(x, y), before)
    assert fixed == FixedMargin(NetMargin(MODEL), net(0))


def test_equal_fixed_margins_share_a_program():
    traces = 0

    def counted(fixed, x, y):
        nonlocal traces
        traces += 1
        return fixed(x, y)

    run = jax.jit(counted, static_argnums=0)
    found = [np.asarray(run(FixedMargin(NetMargin(MODEL), net(seed)), *points())) for seed in (0, 0, 1, 0)]
    assert traces == 2
    np.testing.assert_array_equal(found[0], found[1])
    assert (found[0] != found[2]).any()

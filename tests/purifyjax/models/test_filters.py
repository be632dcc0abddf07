"""Filters as rows."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from purifyjax.models import ConvNet, ResNet, filters


def filled(shapes):
    """A tree of arrays in which every entry of a leaf is another number."""
    return jax.tree.map(lambda leaf: np.arange(leaf.size, dtype=np.float32).reshape(leaf.shape), shapes)


def test_rows_are_columns_of_kernels_in_the_order_of_the_layers():
    # Twelve layers: sorted as text, the last two would come second and third.
    network = ConvNet((2, 2, 1), 3, (), (), tuple(range(5, 16)))
    params = filled(jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, 4)))["params"])
    found = filters(params)
    assert list(found) == [f"Dense_{i}/kernel" for i in range(12)]
    np.testing.assert_array_equal(found["Dense_1/kernel"][2], params["Dense_1"]["kernel"][:, 2])
    assert [rows.shape for rows in found.values()][-2:] == [(15, 14), (3, 15)]


def test_seeds_stay_in_front_and_biases_stay_out():
    network = ResNet((4, 4, 1), 3)
    keys = jax.random.split(jax.random.key(0), 2)
    params = filled(jax.eval_shape(jax.vmap(lambda key: network.init(key, jnp.zeros((1, 16)))["params"]), keys))
    found = filters(params)
    one = filters(jax.tree.map(lambda leaf: leaf[1], params))
    assert list(found) == list(one) and len(found) == 7
    for name, rows in found.items():
        np.testing.assert_array_equal(rows[1], one[name])


def test_nested_networks_have_paths():
    kernel = jnp.arange(6.0).reshape(2, 3)
    found = filters({"tail": {"kernel": kernel.T}, "body": {"Dense_0": {"kernel": kernel, "bias": jnp.zeros((2, 3))}}})
    assert list(found) == ["body/Dense_0/kernel", "tail/kernel"]
    np.testing.assert_array_equal(found["body/Dense_0/kernel"], kernel.T)

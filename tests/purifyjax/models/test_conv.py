"""The small convolutional network against JAX's own convolutions and plain means."""

from __future__ import annotations

import itertools
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.errors import ConfigError
from purifyjax.models.conv import SmallConv, neighbourhoods

SHAPES = pytest.mark.parametrize("shape", [(8, 8, 1), (5, 7, 3)])
HIGHEST = jax.lax.Precision.HIGHEST


def images(shape, n=3, seed=0):
    return jax.random.normal(jax.random.key(seed), (n, *shape))


def plain(params: Any, x, shape):
    """The network from XLA's convolution and loops over pooled pixels."""
    h = x.reshape(-1, *shape)
    for i, channels in enumerate((4, 6)):
        layer = params[f"Dense_{i}"]
        kernel = layer["kernel"].reshape(3, 3, h.shape[-1], channels)
        dims = ("NHWC", "HWIO", "NHWC")
        h = jax.lax.conv_general_dilated(h, kernel, (1, 1), "SAME", dimension_numbers=dims, precision=HIGHEST)
        h = np.maximum(np.asarray(h) + np.asarray(layer["bias"]), 0.0)
        rows, columns = h.shape[1] // 2, h.shape[2] // 2
        pooled = np.zeros((len(h), rows, columns, channels), np.float32)
        for r, c in itertools.product(range(rows), range(columns)):
            pooled[:, r, c] = h[:, 2 * r : 2 * r + 2, 2 * c : 2 * c + 2].mean(axis=(1, 2))
        h = jnp.asarray(pooled)
    last, head = params["Dense_2"], params["Dense_3"]
    hidden = np.maximum(np.asarray(h).reshape(len(x), -1) @ np.asarray(last["kernel"]) + np.asarray(last["bias"]), 0.0)
    return hidden @ np.asarray(head["kernel"]) + np.asarray(head["bias"])


@SHAPES
def test_logits_are_those_of_plain_convolutions(shape):
    network = SmallConv(shape, 5, (4, 6), HIGHEST)
    x = images(shape).reshape(3, -1)
    variables = jax.jit(network.init)(jax.random.key(1), x)
    # Biases start at zero: moved, so that a forgotten one would show.
    params = cast(Any, jax.tree.map(lambda leaf: leaf + 0.1, variables["params"]))
    found = jax.jit(network.apply)({"params": params}, x)
    np.testing.assert_allclose(found, plain(params, x, shape), rtol=1e-4, atol=1e-4)


def test_neighbourhoods_of_a_tiny_image_by_hand():
    image = jnp.array([[1.0, 2.0], [3.0, 4.0]])[None, :, :, None]
    found = neighbourhoods(image)
    np.testing.assert_array_equal(found[0, 0, 0], [0, 0, 0, 0, 1, 2, 0, 3, 4])
    np.testing.assert_array_equal(found[0, 1, 0], [0, 1, 2, 0, 3, 4, 0, 0, 0])


def test_an_image_does_not_see_the_others():
    network = SmallConv((4, 4, 1), 3, (2, 2), HIGHEST)
    x = images((4, 4, 1)).reshape(3, -1)
    variables = jax.jit(network.init)(jax.random.key(2), x)
    together = jax.jit(network.apply)(variables, x)
    alone = jax.lax.map(lambda row: cast(jax.Array, network.apply(variables, row[None]))[0], x)
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-6)


def test_activations_keep_their_scale_at_the_start():
    """Weights have variance 1/fan-in: with one of 9c too few or too many, two layers would be off by a factor."""
    network = SmallConv((8, 8, 1), 2, (64,))
    params = cast(Any, jax.jit(network.init)(jax.random.key(3), images((8, 8, 1)).reshape(3, -1))["params"])
    np.testing.assert_allclose(jnp.std(params["Dense_0"]["kernel"]), 1 / 3, rtol=0.1)


def test_wrong_rows_and_tiny_images_are_refused():
    for shape, size, says in (((8, 8, 1), 63, "row length = 63"), ((3, 8, 1), 24, "shape = (3, 8, 1)")):
        with pytest.raises(ConfigError, match="not allowed") as error:
            SmallConv(shape, 2).init(jax.random.key(0), jnp.zeros((1, size)))
        assert says in str(error.value)

"""Convolutional networks against JAX's own convolutions and plain means and maxima."""

from __future__ import annotations

import itertools
import math
from typing import Any, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.errors import ConfigError
from purifyjax.models import ConvNet, alexnet_like, mnist_net
from purifyjax.models.conv import neighbourhoods, pooled

HIGHEST = jax.lax.Precision.HIGHEST


def images(shape, n=3, seed=0):
    return jax.random.normal(jax.random.key(seed), (n, *shape))


def drawn(network, seed=1) -> Any:
    """Parameters away from their start, so that a forgotten bias would show; without compiling the network's own."""
    variables = jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, math.prod(network.shape))))
    generator = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: np.float32(generator.normal(0.1, 0.3, leaf.shape)), variables["params"])


def plain(params: Any, x, network: ConvNet):
    """The network from XLA's convolution and loops over pooled pixels."""
    take = {"mean": np.mean, "max": np.max}[network.pooling]
    h = x.reshape(-1, *network.shape)
    stages = list(zip(network.channels, network.kernels, strict=True))
    for i, (channels, size) in enumerate(stages):
        layer = params[f"Dense_{i}"]
        kernel = layer["kernel"].reshape(size, size, h.shape[-1], channels)
        dims = ("NHWC", "HWIO", "NHWC")
        h = jax.lax.conv_general_dilated(h, kernel, (1, 1), "SAME", dimension_numbers=dims, precision=HIGHEST)
        h = np.maximum(np.asarray(h) + np.asarray(layer["bias"]), 0.0)
        rows, columns = h.shape[1] // 2, h.shape[2] // 2
        small = np.zeros((len(h), rows, columns, channels), np.float32)
        for r, c in itertools.product(range(rows), range(columns)):
            small[:, r, c] = take(h[:, 2 * r : 2 * r + 2, 2 * c : 2 * c + 2], axis=(1, 2))
        h = jnp.asarray(small)
    h = np.asarray(h).reshape(len(x), -1)
    for i in range(len(network.hidden)):
        layer = params[f"Dense_{len(stages) + i}"]
        h = np.maximum(h @ np.asarray(layer["kernel"]) + np.asarray(layer["bias"]), 0.0)
    head = params[f"Dense_{len(stages) + len(network.hidden)}"]
    return h @ np.asarray(head["kernel"]) + np.asarray(head["bias"])


@pytest.mark.parametrize(
    "network",
    [
        ConvNet((8, 8, 1), 5, (4, 6), precision=HIGHEST),
        ConvNet((5, 7, 3), 5, (4, 6), (3, 5), (9, 8), "max", HIGHEST),
        ConvNet((3, 4, 2), 4, (6,), (1,), (), "max", HIGHEST),
    ],
)
def test_logits_are_those_of_plain_convolutions(network):
    x = images(network.shape).reshape(3, -1)
    params = drawn(network)
    found = jax.jit(network.apply)({"params": params}, x)
    np.testing.assert_allclose(found, plain(params, x, network), rtol=1e-4, atol=1e-4)


def test_neighbourhoods_of_a_tiny_image_by_hand():
    image = jnp.array([[1.0, 2.0], [3.0, 4.0]])[None, :, :, None]
    found = neighbourhoods(image)
    np.testing.assert_array_equal(found[0, 0, 0], [0, 0, 0, 0, 1, 2, 0, 3, 4])
    np.testing.assert_array_equal(found[0, 1, 0], [0, 1, 2, 0, 3, 4, 0, 0, 0])
    np.testing.assert_array_equal(neighbourhoods(image, 1), image)


def test_maxima_send_their_gradient_where_flax_does():
    """Without ties; with an odd side, whose last column gets none."""
    x = images((4, 5, 2))
    weight = images((2, 2, 2), seed=1)

    def gradient(pool):
        return jax.jit(jax.grad(lambda x: jnp.sum(weight * pool(x))))(x)

    expected = gradient(lambda x: nn.max_pool(x, (2, 2), strides=(2, 2)))
    np.testing.assert_array_equal(gradient(lambda x: pooled(x, "max")), expected)


def test_an_image_does_not_see_the_others():
    network = ConvNet((4, 4, 1), 3, (2, 2), pooling="max", precision=HIGHEST)
    x = images((4, 4, 1)).reshape(3, -1)
    apply = jax.jit(network.apply)
    variables = {"params": drawn(network)}
    crowd = jnp.concatenate([x[:1], 100.0 * x[1:]])
    np.testing.assert_allclose(apply(variables, x)[0], apply(variables, crowd)[0], rtol=1e-5, atol=1e-6)


def test_activations_keep_their_scale_at_the_start():
    """Weights have variance 1/fan-in: with one of 9c too few or too many, two layers would be off by a factor."""
    network = ConvNet((8, 8, 1), 2, (64,), (3,))
    params = cast(Any, jax.jit(network.init)(jax.random.key(3), images((8, 8, 1)).reshape(3, -1))["params"])
    np.testing.assert_allclose(jnp.std(params["Dense_0"]["kernel"]), 1 / 3, rtol=0.1)


def kernels(network):
    """The shapes of its kernels."""
    params = drawn(network)
    return [params[f"Dense_{i}"]["kernel"].shape for i in range(len(params))]


def test_the_mnist_network_has_the_published_layers():
    network = mnist_net((28, 28, 1), 10)
    assert kernels(network) == [(25, 32), (25 * 32, 64), (7 * 7 * 64, 200), (200, 10)]
    assert network.pooling == "max"
    assert kernels(mnist_net((8, 8, 1), 10, 0.5)) == [(25, 16), (25 * 16, 32), (2 * 2 * 32, 100), (100, 10)]


@pytest.mark.parametrize(("side", "size", "convolutions"), [(8, 5, 2), (28, 9, 3), (64, 11, 3)])
def test_alexnet_has_larger_first_filters_on_larger_images(side, size, convolutions):
    shapes = kernels(alexnet_like((side, side, 3), 4))
    assert shapes[0] == (size * size * 3, 32)
    assert len(shapes) == convolutions + 2
    assert all(shape[0] == 9 * before[1] for before, shape in itertools.pairwise(shapes[:convolutions]))


@pytest.mark.parametrize(
    ("network", "size", "says"),
    [
        (ConvNet((8, 8, 1), 2), 63, "row length = 63"),
        (ConvNet((3, 8, 1), 2), 24, r"shape = \(3, 8, 1\)"),
        (ConvNet((8, 8, 1), 2, kernels=(3,)), 64, r"kernels = \(3,\)"),
        (ConvNet((8, 8, 1), 2, kernels=(3, 4)), 64, "size of a kernel = 4"),
        (ConvNet((8, 8, 1), 2, pooling=cast(Any, "min")), 64, "pooling = 'min'"),
    ],
)
def test_unusable_settings_are_refused(network, size, says):
    with pytest.raises(ConfigError, match=f"{says} is not allowed"):
        network.init(jax.random.key(0), jnp.zeros((1, size)))


@pytest.mark.parametrize("width", [0.0, -1.0, float("nan")])
def test_a_width_out_of_range_is_refused(width):
    with pytest.raises(ConfigError, match="width"):
        mnist_net((8, 8, 1), 10, width)

"""Residual networks against JAX's own convolutions, and batch statistics in training and evaluation."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.errors import ConfigError
from purifyjax.models import ResNet
from purifyjax.models.conv import neighbourhoods
from purifyjax.sweep import seed_keys, train_classifiers
from purifyjax.training import Recipe, classifier_steps, initial_classifier, logits

HIGHEST = jax.lax.Precision.HIGHEST
SHAPE = (4, 5, 1)
X = 0.7 + 2.0 * jax.random.normal(jax.random.key(0), (48, 20))
Y = jnp.arange(48) % 3


def drawn(network) -> Any:
    """Variables away from their start, so that a forgotten scale, bias or statistic would show."""
    shapes = jax.eval_shape(network.init, jax.random.key(0), X[:1])
    generator = np.random.default_rng(1)
    return jax.tree.map(
        lambda leaf: np.float32(generator.uniform(0.1, 0.6, leaf.shape) - 0.2 * (leaf.ndim > 1)), shapes
    )


def plain(variables: Any, x, network: ResNet):
    """The network in evaluation from XLA's convolution and NumPy; one block a width, two widths."""
    params, norms = variables["params"], iter(range(9))

    def convolution(h, i):
        layer = params[f"Dense_{i}"]
        kernel = layer["kernel"].reshape(3, 3, h.shape[-1], -1)
        dims = ("NHWC", "HWIO", "NHWC")
        h = jax.lax.conv_general_dilated(h, kernel, (1, 1), "SAME", dimension_numbers=dims, precision=HIGHEST)
        return np.asarray(h) + layer.get("bias", 0.0)

    def active(h):
        i = next(norms)
        if network.norm == "batch":
            statistics, scale = variables["batch_stats"][f"BatchNorm_{i}"], params[f"BatchNorm_{i}"]
            h = (h - statistics["mean"]) / np.sqrt(statistics["var"] + 1e-5)
            h = h * scale["scale"] + scale["bias"]
        elif network.norm == "group":
            scale, parts = params[f"GroupNorm_{i}"], np.asarray(h).reshape(*h.shape[:3], network.groups, -1)
            mean, variance = (f(parts, axis=(1, 2, 4), keepdims=True) for f in (np.mean, np.var))
            h = ((parts - mean) / np.sqrt(variance + 1e-6)).reshape(h.shape) * scale["scale"] + scale["bias"]
        return np.maximum(h, 0.0)

    h = convolution(np.asarray(x).reshape(-1, *network.shape), 0)
    h = h + convolution(active(convolution(active(h), 1)), 2)
    h = (h[:, 0:4:2, 0:4:2] + h[:, 0:4:2, 1:4:2] + h[:, 1:4:2, 0:4:2] + h[:, 1:4:2, 1:4:2]) / 4
    wide = convolution(active(convolution(active(h), 3)), 4)
    h = h @ params["Dense_5"]["kernel"] + wide
    head = params["Dense_6"]
    return active(h).mean(axis=(1, 2)) @ head["kernel"] + head["bias"]


@pytest.mark.parametrize("norm", ["batch", "group", "none"])
def test_logits_are_those_of_plain_convolutions_of_each_image_alone(norm):
    # Rows of 5 columns: the pooling drops the last.
    network = ResNet(SHAPE, 3, (4, 6), norm=norm, groups=2, precision=HIGHEST)
    variables = drawn(network)
    assert ("bias" in variables["params"]["Dense_1"]) == (norm == "none")
    apply = jax.jit(network.apply)
    found = apply(variables, X[:4])
    np.testing.assert_allclose(found, plain(variables, X[:4], network), rtol=1e-4, atol=1e-4)
    crowd = jnp.concatenate([X[:1], 100.0 * X[5:8]])
    np.testing.assert_allclose(apply(variables, crowd)[0], found[0], rtol=1e-5, atol=1e-5)


def test_running_statistics_converge_to_those_of_the_sample():
    """The first norm's inputs are a convolution of the images, whose mean and variance are known."""
    network = ResNet(SHAPE, 3, (4,), precision=HIGHEST)
    recipe = Recipe(steps=100, learning_rate=1e-12)

    @jax.jit
    def train():
        state = initial_classifier(jax.random.key(1), network, X[:1])
        return state, classifier_steps(jax.random.key(2), state, network, recipe, X, Y, 0, recipe.steps)[0]

    start, state = train()
    first = np.asarray(neighbourhoods(X.reshape(-1, *SHAPE)) @ start.params["Dense_0"]["kernel"])
    found = state.collections["batch_stats"]["BatchNorm_0"]
    np.testing.assert_allclose(start.collections["batch_stats"]["BatchNorm_0"]["var"], 1.0)
    np.testing.assert_allclose(found["mean"], first.mean(axis=(0, 1, 2)), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found["var"], first.var(axis=(0, 1, 2)), rtol=1e-3)
    # In training the sample's own statistics serve, which the running ones have become.
    variables = {"params": state.params, **state.collections}
    own, _ = cast(Any, network.apply(variables, X, mutable=["batch_stats"]))
    np.testing.assert_allclose(logits(network, state, X), own, rtol=1e-2, atol=1e-3)


def test_several_seeds_learn_and_follow_their_own_statistics():
    network = ResNet(SHAPE, 3, (4,))
    keys = seed_keys(np.array([3, 7]))
    start = jax.jit(jax.vmap(lambda key: initial_classifier(key, network, X[:1])))
    before = jax.tree.map(np.asarray, start(keys).collections)
    labels = (X.mean(axis=1) > 0.5).astype(jnp.int32) + (X.mean(axis=1) > 0.9)
    x, y = jnp.stack([X, 3.0 * X]), jnp.stack([labels, labels])
    recipe = Recipe(steps=200, learning_rate=0.1, batch_size=24)
    found = train_classifiers(keys, start(keys), network, recipe, x, y)
    assert (found.history["loss"][-1] < 0.7 * found.history["loss"][0]).all()
    spread = found.state.collections["batch_stats"]["BatchNorm_0"]["var"].mean(axis=1)
    assert (spread != before["batch_stats"]["BatchNorm_0"]["var"].mean(axis=1)).all()
    assert spread[1] > 3 * spread[0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"widths": ()}, r"widths = \(\)"),
        ({"blocks": 0}, "blocks = 0"),
        ({"norm": "layer"}, "norm = 'layer'"),
        ({"norm": "group", "groups": 3}, "groups = 3"),
        ({"norm": "group", "groups": 0}, "groups = 0"),
        ({"widths": (8, 8, 8, 8)}, r"shape = \(4, 5, 1\)"),
        ({"shape": (4, 4, 1)}, "row length = 20"),
    ],
)
def test_unusable_settings_are_refused(change, says):
    network = partial(ResNet, **({"shape": SHAPE, "classes": 3} | change))()
    with pytest.raises(ConfigError, match=f"{says} is not allowed"):
        network.init(jax.random.key(0), X[:1])

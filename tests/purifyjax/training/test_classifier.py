"""Training of classifiers: one step by hand, the adversary's place, batch statistics, cutting a run anywhere."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.attacks import FGM, PGD
from purifyjax.errors import ConfigError
from purifyjax.margins import class_margin
from purifyjax.models import PatchCNN
from purifyjax.sweep import loop, seed_keys, train_classifiers
from purifyjax.training import Recipe, classifier_steps, initial_classifier, logits, validate_recipe

NETWORK = PatchCNN(classes=3, filters=4, patches=2, exponent=3, knee=0.5, init_scale=0.5)
X = jax.random.normal(jax.random.key(0), (24, 10))
Y = jnp.arange(24) % 3


class Linear(nn.Module):
    """Logits W x, for steps that can be done by hand."""

    @nn.compact
    def __call__(self, x):
        return nn.Dense(3, use_bias=False)(x)


class Normed(nn.Module):
    """Logits of batch-normalised inputs: running averages are used where they may not be changed."""

    @nn.compact
    def __call__(self, x):
        x = nn.BatchNorm(use_running_average=not self.is_mutable_collection("batch_stats"), momentum=0.5)(x)
        return nn.Dense(3)(x)


def trained(network, recipe, steps=None, x=X, y=Y):
    state = initial_classifier(jax.random.key(1), network, x[:2])
    return classifier_steps(jax.random.key(2), state, network, recipe, x, y, 0, steps or recipe.steps)


def test_margin_of_classes_by_hand():
    found = class_margin(jnp.array([[3.0, 1.0, 2.5], [0.0, -1.0, 4.0]]), jnp.array([0, 1]))
    np.testing.assert_allclose(found, [0.5, -5.0])


@pytest.mark.parametrize("clip", [1e-3, float("inf")])
def test_one_step_by_hand(clip):
    recipe = Recipe(steps=2, learning_rate=0.3, momentum=0.0, clip=clip, weight_decay=0.1)
    state = initial_classifier(jax.random.key(1), Linear(), X[:2])
    weight = np.asarray(state.params["Dense_0"]["kernel"], np.float64)
    after, loss = trained(Linear(), recipe, steps=1)
    z = np.asarray(X, np.float64) @ weight
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    gradient = np.asarray(X, np.float64).T @ (p - np.eye(3)[np.asarray(Y)]) / len(Y)
    gradient *= min(1.0, clip / np.linalg.norm(gradient))
    np.testing.assert_allclose(loss[0], -np.log(p[np.arange(24), np.asarray(Y)]).mean(), rtol=1e-5)
    expected = weight - 0.3 * (gradient + 0.1 * weight)
    np.testing.assert_allclose(after.params["Dense_0"]["kernel"], expected, rtol=1e-4, atol=1e-6)


def test_training_fits_and_the_learning_rate_ends_at_zero():
    recipe = Recipe(steps=200, learning_rate=0.3, batch_size=12)
    state, loss = trained(NETWORK, recipe)
    assert loss[-20:].mean() < 0.2 * loss[:20].mean()
    assert (class_margin(logits(NETWORK, state, X), Y) > 0).all()
    # At the very last step η is 0: the weights after it are those before it.
    before, _ = trained(NETWORK, recipe, steps=199)
    np.testing.assert_array_equal(before.params["weight"], state.params["weight"])


@pytest.mark.parametrize("adversary", [FGM(), PGD.for_training(2), PGD.for_training(2, start="distant")])
def test_the_adversary_raises_the_loss_once_it_sets_in(adversary):
    recipe = Recipe(steps=4, learning_rate=1e-6, adversary=adversary, radius=0.3, parts=2, clean_steps=2)
    _, loss = trained(NETWORK, recipe)
    _, clean = trained(NETWORK, recipe.replace(adversary=None))
    np.testing.assert_allclose(loss[:2], clean[:2], rtol=1e-5)
    assert (loss[2:] > 1.02 * clean[2:]).all()


def test_an_adversary_of_radius_zero_changes_nothing():
    recipe = Recipe(steps=5, learning_rate=0.1, adversary=PGD.for_training(2))
    state, _ = trained(NETWORK, recipe)
    clean, _ = trained(NETWORK, recipe.replace(adversary=None))
    np.testing.assert_allclose(state.params["weight"], clean.params["weight"], rtol=1e-5)


def test_batch_statistics_follow_the_data_and_serve_in_evaluation():
    shifted = X + 5.0
    state, _ = trained(Normed(), Recipe(steps=30, learning_rate=0.1), x=shifted)
    mean = state.collections["batch_stats"]["BatchNorm_0"]["mean"]
    np.testing.assert_allclose(mean, shifted.mean(0), rtol=1e-4)
    # One point alone has logits of its own only if the running averages are used.
    alone = logits(Normed(), state, shifted[:1])
    np.testing.assert_allclose(alone, logits(Normed(), state, shifted)[:1], rtol=1e-5)


def test_a_run_cut_in_two_is_the_same_run():
    recipe = Recipe(steps=6, learning_rate=0.2, batch_size=8, adversary=PGD.for_training(1), radius=0.1, parts=2)
    whole, _ = trained(NETWORK, recipe)
    half, _ = trained(NETWORK, recipe, steps=3)
    rest, _ = classifier_steps(jax.random.key(2), half, NETWORK, recipe, X, Y, 3, 3)
    np.testing.assert_allclose(rest.params["weight"], whole.params["weight"], rtol=1e-6)


def test_the_sweep_equals_the_pure_function_and_goes_on_where_it_was_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "_CHUNK_STEPS", 2)
    monkeypatch.setattr(loop, "_CHECKPOINT_SECONDS", -1.0)
    recipe = Recipe(steps=6, learning_rate=0.2, batch_size=8, adversary=FGM(), radius=0.1, parts=2)
    keys = seed_keys(np.array([3, 7]))
    x, y = jnp.stack([X, X[::-1]]), jnp.stack([Y, Y[::-1]])

    def start():
        return jax.vmap(lambda key: initial_classifier(key, NETWORK, X[:2]))(keys)

    whole = train_classifiers(keys, start(), NETWORK, recipe, x, y)
    for s in range(2):
        state = initial_classifier(keys[s], NETWORK, X[:2])
        alone, _ = classifier_steps(keys[s], state, NETWORK, recipe, x[s], y[s], 0, 6)
        np.testing.assert_allclose(whole.state.params["weight"][s], alone.params["weight"], rtol=1e-4, atol=1e-6)
    assert whole.history["loss"].shape == (3, 2)

    class KilledError(Exception):
        pass

    seen = []

    def killer(steps, loss):
        seen.append(steps)
        if len(seen) == 2:
            raise KilledError

    options = {"checkpoint": tmp_path / "part.npz", "mark": "m"}
    with pytest.raises(KilledError):
        train_classifiers(keys, start(), NETWORK, recipe, x, y, progress=killer, **options)
    again = train_classifiers(keys, start(), NETWORK, recipe, x, y, **options)
    np.testing.assert_array_equal(again.state.params["weight"], whole.state.params["weight"])


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"steps": 0}, "steps"),
        ({"batch_size": 25}, "batch_size"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"momentum": 1.0}, "momentum"),
        ({"clip": 0.0}, "clip"),
        ({"weight_decay": -1.0}, "weight_decay"),
        ({"adversary": "fgm"}, "adversary"),
        ({"adversary": FGM}, "adversary"),
        ({"clean_steps": -1}, "clean_steps"),
        ({"radius": -0.1}, "radius"),
        ({"norm": "l3"}, "norm"),
        ({"parts": 0}, "parts"),
    ],
)
def test_a_setting_out_of_range_is_named(change, name):
    recipe = Recipe(steps=5, learning_rate=0.1)
    validate_recipe(recipe, 24)
    with pytest.raises(ConfigError, match=name):
        validate_recipe(recipe.replace(**change), 24)

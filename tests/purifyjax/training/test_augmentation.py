"""Random shifts and mirror images against all of them by hand, and their place in training."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from purifyjax.attacks import PGD
from purifyjax.errors import ConfigError
from purifyjax.training import Augmentation, Recipe, classifier_steps, initial_classifier, validate_recipe

SHAPE = (3, 4, 2)
X = jax.random.normal(jax.random.key(0), (12, 24))
Y = jnp.arange(12) % 3


class Linear(nn.Module):
    """Logits W x."""

    @nn.compact
    def __call__(self, x):
        return nn.Dense(3)(x)


def possible(image: np.ndarray, shift: int, flip: bool) -> np.ndarray:
    """Every image that may come out, as rows; pixel by pixel."""
    height, width, _ = image.shape
    found = []
    for down in range(-shift, shift + 1):
        for right in range(-shift, shift + 1):
            for mirrored in (False, True)[: 1 + flip]:
                new = np.zeros_like(image)
                for r in range(height):
                    for c in range(width):
                        to = width - 1 - c if mirrored else c
                        if 0 <= r - down < height and 0 <= c - right < width:
                            new[r, to] = image[r - down, c - right]
                found.append(new.ravel())
    return np.stack(found)


@pytest.mark.parametrize(("shift", "flip"), [(0, True), (1, False), (2, True)])
def test_every_shift_and_mirror_image_is_as_likely_and_nothing_else_comes_out(shift, flip):
    image = np.asarray(X[0]).reshape(SHAPE)
    options = possible(image, shift, flip)
    drawn = jax.jit(Augmentation(SHAPE, shift, flip))(jax.random.key(3), jnp.tile(X[:1], (4000, 1)))
    same = (np.asarray(drawn)[:, None] == options).all(axis=2)
    assert (same.sum(axis=1) == 1).all()
    assert stats.chisquare(same.sum(axis=0)).pvalue > 1e-3


def test_each_image_stays_in_its_row():
    drawn = np.asarray(jax.jit(Augmentation(SHAPE, 1, True))(jax.random.key(3), X))
    for row, image in zip(drawn, np.asarray(X), strict=True):
        assert (row == possible(image.reshape(SHAPE), 1, True)).all(axis=1).any()


def test_the_batch_is_changed_before_the_adversary_sees_it_and_no_other_draw_moves():
    """One step on the whole sample, with draws of the adversary, equals a step on images changed beforehand."""
    augmentation = Augmentation(SHAPE, 1, True)
    recipe = Recipe(steps=2, learning_rate=0.3, adversary=PGD.for_training(1), radius=0.5, augmentation=augmentation)
    key = jax.random.key(2)

    @jax.jit
    def steps():
        state = initial_classifier(jax.random.key(1), Linear(), X[:1])
        before = augmentation(jax.random.fold_in(jax.random.fold_in(key, 0), 2), X)
        found = classifier_steps(key, state, Linear(), recipe, X, Y, 0, 1)
        return found, classifier_steps(key, state, Linear(), recipe.replace(augmentation=None), before, Y, 0, 1)

    found, expected = steps()
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-6)
    np.testing.assert_allclose(
        found[0].params["Dense_0"]["kernel"], expected[0].params["Dense_0"]["kernel"], rtol=1e-5, atol=1e-6
    )


def test_an_augmentation_that_does_nothing_leaves_every_number():
    recipe = Recipe(steps=3, learning_rate=0.3, batch_size=5, adversary=PGD.for_training(1), radius=0.5)

    def trained(recipe):
        state = initial_classifier(jax.random.key(1), Linear(), X[:1])
        return classifier_steps(jax.random.key(2), state, Linear(), recipe, X, Y, 0, 3)[1]

    idle = jax.jit(lambda: trained(recipe.replace(augmentation=Augmentation(SHAPE))))()
    np.testing.assert_array_equal(idle, jax.jit(lambda: trained(recipe))())


@pytest.mark.parametrize("shift", [-1, 3])
def test_a_shift_out_of_range_is_named(shift):
    recipe = Recipe(steps=5, learning_rate=0.1, augmentation=Augmentation(SHAPE, 2))
    validate_recipe(recipe, 12)
    with pytest.raises(ConfigError, match=f"shift = {shift}"):
        validate_recipe(recipe.replace(augmentation=Augmentation(SHAPE, shift)), 12)


def test_rows_of_another_length_are_refused():
    with pytest.raises(ConfigError, match="row length = 24"):
        Augmentation((3, 4, 1), 1)(jax.random.key(0), X)

"""Classifiers whose matrices change by updates of bounded rank."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.attacks import FGM
from purifyjax.errors import ConfigError
from purifyjax.models import ConvNet, filters
from purifyjax.sweep import seed_keys, train_classifiers
from purifyjax.training import Recipe, classifier_steps, initial_classifier, restarted, with_rank

NETWORK = ConvNet((4, 4, 1), 3, channels=(6,), kernels=(3,), hidden=(8,))
X = jax.random.normal(jax.random.key(0), (32, 16))
Y = jnp.arange(32) % 3
RECIPE = Recipe(steps=12, learning_rate=0.2, batch_size=8, adversary=FGM(), radius=0.3, weight_decay=1e-2)
START = initial_classifier(jax.random.key(1), NETWORK, X[:1])


def trained(recipe, state):
    return classifier_steps(jax.random.key(2), state, NETWORK, recipe, X, Y, 0, recipe.steps)[0]


def changes(state):
    before, after = filters(START.params), filters(state.params)
    return {name: np.asarray(after[name] - before[name], np.float64) for name in before}


def rank(matrix):
    sizes = np.linalg.svd(matrix, compute_uv=False)
    return int(np.sum(sizes > 1e-4 * sizes[0]))


@pytest.mark.parametrize("largest", [2, 5])
def test_every_matrix_changes_by_the_rank_and_everything_else_freely(largest):
    state = restarted(START, largest)
    state = state._replace(optimizer=with_rank(state.optimizer, 2))
    end = trained(RECIPE.replace(rank=largest), state)
    assert [rank(change) for change in changes(end).values()] == [2, 2, 2]
    assert all(rank(change) > 2 for change in changes(trained(RECIPE, START)).values() if min(change.shape) > 3)
    assert np.abs(end.params["Dense_0"]["bias"]).max() > 1e-3


def test_the_full_rank_is_unrestricted_training():
    free, full = trained(RECIPE, START), trained(RECIPE.replace(rank=16), restarted(START, 16))
    for one, other in zip(jax.tree.leaves(free.params), jax.tree.leaves(full.params), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_ranks_are_an_axis_of_one_program():
    states = jax.vmap(partial(restarted, rank=4))(jax.tree.map(lambda leaf: jnp.stack([leaf] * 3), START))
    states = states._replace(optimizer=with_rank(states.optimizer, jnp.array([1, 2, 4])))
    found = train_classifiers(seed_keys(np.full(3, 7)), states, NETWORK, RECIPE.replace(rank=4), X, Y).state
    ends = [jax.tree.map(lambda leaf, s=s: leaf[s], found) for s in range(3)]
    assert [rank(changes(end)["Dense_1/kernel"]) for end in ends] == [1, 2, 4]


def test_a_recipe_of_a_rank_wants_a_state_of_it():
    with pytest.raises(ConfigError, match=r"rank = 2 is not allowed: .*restarted\(state, rank\)"):
        trained(RECIPE.replace(rank=2), START)

"""Any attack serves as the inner maximisation of every trainer, and only an attack does."""

from __future__ import annotations

from dataclasses import dataclass

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.attacks import APGD, FGM, PGD, Along, Attack, Attacked, Noise, Square, fgm
from purifyjax.balls import Ball
from purifyjax.errors import ConfigError
from purifyjax.training import (
    Phase,
    Recipe,
    classifier_steps,
    fit,
    initial_classifier,
    initial_state,
    run_steps,
    validate,
    validate_recipe,
)
from purifyjax.training.adversary import require_adversary

KEY = jax.random.key(3)
X = jax.random.normal(jax.random.key(0), (12, 5))
LABELS, SIGNS = jnp.arange(12) % 3, jnp.where(jnp.arange(12) % 2 == 0, 1.0, -1.0)


class Linear(nn.Module):
    """Logits W x."""

    @nn.compact
    def __call__(self, x):
        return nn.Dense(3, use_bias=False)(x)


@dataclass(frozen=True)
class Shift(Attack):
    """δ = τ (1, …, 1) at every point: what it does to training can be done by hand."""

    def __call__(self, key, margin, x, y, ball):
        delta = jnp.full_like(x, ball.radius)
        return Attacked(delta, margin(x + delta, y))


def linear_margin(params):
    return lambda x, y: y * (x @ params["weight"])


def test_a_classifier_sees_the_attack_s_perturbations():
    recipe = Recipe(3, learning_rate=0.3, adversary=Shift(), radius=0.7)
    start = initial_classifier(jax.random.key(1), Linear(), X)
    found, loss = classifier_steps(KEY, start, Linear(), recipe, X, LABELS, 0, 3)
    by_hand, expected = classifier_steps(KEY, start, Linear(), recipe.replace(adversary=None), X + 0.7, LABELS, 0, 3)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    kernels = [state.params["Dense_0"]["kernel"] for state in (found, by_hand)]
    np.testing.assert_allclose(*kernels, rtol=1e-5, atol=1e-6)


def test_a_fit_sees_the_attack_s_perturbations():
    def fitted(x, adversary):
        start = {"weight": jnp.zeros(5)}
        return fit(KEY, linear_margin, start, lambda key: (x, SIGNS), Ball(0.7), adversary=adversary, steps=5)

    found, by_hand = fitted(X, Shift()), fitted(X + 0.7, None)
    np.testing.assert_allclose(found.params["weight"], by_hand.params["weight"], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.loss, by_hand.loss, rtol=1e-5)


ATTACKS = [FGM(), PGD(steps=2, restarts=2), PGD.for_training(2, start="distant"), APGD(steps=2), Noise(), Square(5)]


@pytest.mark.parametrize("attack", [APGD(steps=2), Square(5), Along(jnp.ones(24))], ids=lambda attack: attack.name)
def test_attacks_of_every_kind_train_the_network(tiny, attack):
    config = tiny.replace(init_scale=1.0)
    phase = Phase(1, 64, 1e-6, threshold=0.3, adversary=attack)
    state = initial_state(jax.random.key(0), config)

    @jax.jit
    def loss(radius):
        return run_steps(KEY, state, config, phase.replace(radius=radius), 0, 0, 1)[1][0]

    assert loss(0.0) + 1e-3 < loss(1.0) < loss(2.0)


@pytest.mark.parametrize("adversary", ["fgm", "none", "", 0, False, FGM, fgm, PGD.for_training, [FGM()]])
def test_nothing_but_an_attack_is_an_adversary(tiny, adversary):
    told = r"^.*adversary = .* is not allowed: an attack such as FGM\(\) or PGD\.for_training\(steps=7\), or None$"
    for refuse in (
        lambda: require_adversary("adversary", adversary),
        lambda: validate(tiny.replace(robust=(Phase(1, 8, 0.1).replace(adversary=adversary),))),
        lambda: validate_recipe(Recipe(5, learning_rate=0.1).replace(adversary=adversary), 12),
        lambda: fit(
            KEY, linear_margin, {}, lambda key: (X, SIGNS), Ball(0.1), **{"adversary": adversary}, robust_margin_of=None
        ),
    ):
        with pytest.raises(ConfigError, match=told):
            refuse()


@pytest.mark.parametrize("adversary", [None, *ATTACKS], ids=str)
def test_attacks_and_none_are_adversaries(adversary):
    require_adversary("adversary", adversary)
    validate_recipe(Recipe(5, learning_rate=0.1, adversary=adversary), 12)

"""The attack that docs/extending.md writes serves evaluation and every trainer, as one of the library's own does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.attacks import FGM, Attack, Noise, winners, worst_case
from purifyjax.balls import Ball
from purifyjax.data import SparseCoding
from purifyjax.models import NetMargin, SymmetricReLU
from purifyjax.sweep import describe
from purifyjax.training import Phase, Recipe, Training, classifier_steps, fit, initial_classifier, train

SEEDS, POINTS, DIM, CLASSES = 2, 16, 6, 3
KEY = jax.random.key(0)
NET = SymmetricReLU(8, precision=jax.lax.Precision.HIGHEST)


@pytest.fixture(scope="module")
def halfway():
    """The class that the page defines: half of FGM's step."""
    text = (Path(__file__).parents[3] / "docs" / "extending.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"<!-- file: own_attack\.py -->\n```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {"__name__": "own_attack"}
    exec(compile(code, "own_attack.py", "exec", dont_inherit=True), names)
    return names["Halfway"]


def nets():
    """Nets of two seeds with points that they get right."""
    rng = np.random.default_rng(1)
    params = {"weight": rng.normal(size=(SEEDS, 8, DIM)), "threshold": rng.uniform(0.0, 0.5, (SEEDS, 8))}
    params = {name: jnp.asarray(value, jnp.float32) for name, value in params.items()}
    x = jax.random.normal(jax.random.key(1), (SEEDS, POINTS, DIM))
    y = jnp.sign(jax.vmap(lambda p, x: NetMargin(NET)(p)(x, jnp.ones(POINTS)))(params, x))
    return params, x, y


def of_three(trained, halfway):
    """What is trained by half a step in a ball of radius 1, by a whole one at ½, which is the same, and without one."""
    return trained(halfway(), 1.0), trained(FGM(), 0.5), trained(None, 0.0)


def test_it_is_a_record(halfway):
    assert halfway().name == "halfway" and halfway(name="mine").name == "mine"
    assert halfway() == halfway(0.5, name="mine") and hash(halfway()) == hash(halfway(0.5, name="mine"))
    assert halfway() != halfway(0.25)
    assert describe(halfway(name="mine")) == {"type": "Halfway", "share": 0.5}
    assert issubclass(halfway, Attack)


def test_it_joins_a_worst_case(halfway):
    params, x, y = nets()
    half = worst_case(KEY, NetMargin(NET), params, x, y, Ball(1.0), (halfway(),))
    whole = worst_case(KEY, NetMargin(NET), params, x, y, Ball(0.5), (FGM(),))
    np.testing.assert_array_equal(half.standing, whole.standing)
    np.testing.assert_allclose(half.margin, whole.margin, rtol=1e-5, atol=1e-6)
    suite = worst_case(KEY, NetMargin(NET), params, x, y, Ball(1.0), (Noise(), halfway(), FGM()))
    assert suite.warnings == ()
    won = winners(suite.broken_by, ["noise", "halfway", "fgm"])
    assert won["halfway"] > 0 and won["fgm"] > 0


def test_it_trains_the_network(halfway):
    data = SparseCoding(dimension=24, sparsity=4, value_max=1.5, margin=0.5)

    def trained(adversary, radius):
        robust = (Phase(4, 32, 0.2, threshold_rule="frozen", adversary=adversary, radius=radius),)
        clean = (Phase(3, 32, 0.2, threshold=1.0),)
        config = Training(data, neurons=16, clean=clean, robust=robust, init_scale=0.3)
        return jax.jit(train)(KEY, config)

    found, same, without = of_three(trained, halfway)
    np.testing.assert_allclose(found.w_robust, same.w_robust, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.robust_loss, same.robust_loss, rtol=1e-5)
    np.testing.assert_array_equal(found.w_clean, without.w_clean)
    assert found.robust_loss[0] > without.robust_loss[0] + 1e-2


class Logits(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dense(CLASSES)(nn.tanh(nn.Dense(8)(x)))


def test_it_trains_a_classifier(halfway):
    x, y = jax.random.normal(jax.random.key(2), (POINTS, DIM)), jnp.arange(POINTS) % CLASSES
    start = initial_classifier(jax.random.key(3), Logits(), x)

    def trained(adversary, radius):
        recipe = Recipe(5, learning_rate=0.3, adversary=adversary, radius=radius)
        return jax.jit(lambda start: classifier_steps(KEY, start, Logits(), recipe, x, y, 0, 5))(start)

    (found, loss), (same, expected), (_, without) = of_three(trained, halfway)
    chex.assert_trees_all_close(found.params, same.params, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    assert loss[0] > without[0] + 1e-2


def test_it_trains_a_fit(halfway):
    params, x, y = jax.tree.map(lambda leaf: leaf[0], nets())

    def trained(adversary, radius):
        def run(ball):
            return fit(KEY, NetMargin(NET), params, lambda key: (x, y), ball, adversary=adversary, steps=6)

        return jax.jit(run)(Ball(radius))

    found, same, without = of_three(trained, halfway)
    chex.assert_trees_all_close(found.params, same.params, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(found.loss, same.loss, rtol=1e-4)
    assert found.loss[0] > without.loss[0] + 1e-2

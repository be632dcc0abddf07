"""The task measures what it says, on the nets that `train` gives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.analysis import features
from purifyjax.attacks import FGM, worst_case
from purifyjax.balls import Ball
from purifyjax.data import instance, sample
from purifyjax.errors import ConfigError
from purifyjax.models import NetMargin, SymmetricReLU
from purifyjax.tasks.purification import Purification
from purifyjax.training import train

TASK = Purification(dimension=32, sparsity=9, pace=0.2, batch_size=64, points=64, steps=10)
KEY = jax.random.key(3)


@pytest.fixture(scope="module")
def found():
    return {name: np.asarray(value) for name, value in jax.jit(TASK.__call__)(KEY).items()}


@pytest.fixture(scope="module")
def nets():
    return jax.jit(train)(KEY, TASK.training()[0])


def test_every_number_is_explained(found):
    assert set(found) == set(Purification.columns) and all(value.shape == () for value in found.values())


def test_the_nets_are_those_of_train(found, nets):
    data = TASK.training()[0].data
    fixed = instance(data)
    for net, weight in (("clean", nets.w_clean), ("robust", nets.w_robust)):
        own = features(fixed.to_code(weight), fixed.label_weights, 9)
        np.testing.assert_allclose(found[f"mixture_{net}"], np.median(own.mixture), rtol=1e-3)
        np.testing.assert_allclose(found[f"purity_{net}"], np.median(own.purity), rtol=1e-3)
        cosine = np.sum(weight * nets.w_init, axis=1)
        cosine /= np.linalg.norm(weight, axis=1) * np.linalg.norm(nets.w_init, axis=1)
        np.testing.assert_allclose(found[f"memory_{net}"], np.median(np.abs(cosine)), rtol=1e-2)
    assert not found["diverged"]


def test_radii_are_in_order(found):
    """The linear radius is that of the data; more than half of the points stand at τ where the radius is larger."""
    data = TASK.training()[0].data
    codes = sample(jax.random.key(0), 4096, data).code
    exact = np.median(np.abs(codes.sum(axis=1))) / np.sqrt(32)  # w* = 1
    assert found["radius_linear"] == pytest.approx(exact, rel=0.15)
    for net in ("clean", "robust"):
        assert found[f"robust_{net}"] <= found[f"accuracy_{net}"]
        assert (found[f"radius_{net}"] > found["tau"]) == (found[f"robust_{net}"] > 0.5)
    assert found["radius_robust"] > found["radius_clean"]


def test_attacks_of_the_suite_agree(found, nets):
    config, tau = TASK.training()
    x, y, _ = sample(jax.random.key(9), 512, config.data)
    net = {"weight": nets.w_robust[None], "threshold": nets.b_robust[None]}
    margin_of = NetMargin(SymmetricReLU(config.neurons))
    standing = worst_case(jax.random.key(1), margin_of, net, x[None], y[None], Ball(float(tau)), (FGM(),)).standing
    assert found["robust_robust"] <= standing.mean() + 0.1  # stronger, on 64 points of its own


def test_values_are_traced():
    """One program for all γ, τ and thresholds."""
    traces = []

    def run(task):
        traces.append(1)
        return task.training()[1]

    jitted = jax.jit(run)
    taus = [float(jitted(TASK.replace(radius=r, margin=m))) for r, m in ((1.0, 1.5), (2.0, 1.0))]
    assert len(traces) == 1 and taus[1] == pytest.approx(2 * taus[0])


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"dimension": 2}, "dimension = 2"),
        ({"sparsity": 64}, "sparsity k = 64"),
        ({"points": 0}, "points = 0"),
        ({"pace": 0.0}, "pace = 0.0"),
        ({"margin": -1.0}, "margin = -1.0"),
        ({"radius": jnp.inf}, "radius τ = inf"),
    ],
    ids=lambda value: "".join(value) if isinstance(value, dict) else "",
)
def test_settings_that_cannot_be_are_refused(changed, told):
    with pytest.raises(ConfigError, match=told):
        TASK.replace(**changed).validate()

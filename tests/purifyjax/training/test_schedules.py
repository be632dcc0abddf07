"""Schedules: endpoints, shapes and threshold rules against their formulas."""

import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.training import Phase
from purifyjax.training.schedules import between, learning_rate, threshold


@pytest.mark.parametrize("decay", ["geometric", "linear", "cosine"])
def test_a_schedule_runs_from_start_to_end(decay):
    values = [float(between(0.5, 0.02, jnp.int32(t), 11, decay)) for t in range(11)]
    assert values[0] == pytest.approx(0.5)
    assert values[-1] == pytest.approx(0.02, rel=1e-5)
    assert all(a > b for a, b in zip(values, values[1:], strict=False))


def test_geometric_is_halfway_at_the_geometric_mean():
    assert float(between(0.01, 1.0, jnp.int32(50), 101, "geometric")) == pytest.approx(0.1, rel=1e-5)


def test_no_end_means_constant():
    phase = Phase(10, 4, 0.3)
    assert [float(learning_rate(phase, jnp.int32(t), 10)) for t in (0, 9)] == pytest.approx([0.3, 0.3])


def test_threshold_rules():
    norm, old, rms = jnp.array([1.0, 2.0]), jnp.array([0.1, 0.2]), jnp.float32(0.5)
    per_neuron = Phase(3, 1, 0.1, threshold=2.0, threshold_end=4.0)
    uniform = per_neuron.replace(threshold_rule="uniform")
    frozen = per_neuron.replace(threshold_rule="frozen")
    middle = jnp.int32(1)
    np.testing.assert_allclose(threshold(per_neuron, middle, 3, norm, old, rms), [1.5, 3.0])
    np.testing.assert_allclose(threshold(uniform, middle, 3, norm, old, rms), [3.0, 3.0])
    np.testing.assert_allclose(threshold(frozen, middle, 3, norm, old, rms), [0.1, 0.2])

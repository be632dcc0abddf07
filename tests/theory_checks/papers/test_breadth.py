"""The whole family and the source's algorithm are what they say, and are judged by all of the theorem's claims."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.data import instance, label_std, sample
from purifyjax.training import validate
from purifyjax.training.recipes import MARGIN, feature_purification
from theory_checks.measuring.two_layer import SIZES
from theory_checks.papers.feature_purification.breadth import NOISE, SPREAD, general, source_algorithm
from theory_checks.papers.feature_purification.claims import breadth
from theory_checks.verdict import Measurement, SeedValue

SIZE = SIZES["small"]


def test_general_data_has_none_of_the_symmetries():
    training, tau = general(**SIZE)
    validate(training)
    data = training.data
    fixed = instance(data)
    weights = np.asarray(fixed.label_weights)
    assert weights.min() < -0.9 and weights.max() > 0.9
    assert np.abs(weights).min() >= 1 - SPREAD and np.abs(weights).max() <= 1 + SPREAD
    assert fixed.dictionary is not None
    x, y, code = (np.asarray(part) for part in sample(jax.random.key(0), 4096, data))
    score = code @ weights
    np.testing.assert_array_equal(np.sign(score), y)
    assert np.abs(score).min() >= data.margin == pytest.approx(MARGIN * label_std(data))
    sizes = np.abs(code[code != 0])
    low = 1 / np.sqrt(data.sparsity)
    assert np.all(np.isclose(sizes, low) | np.isclose(sizes, 1.0))
    # Gaussian noise and spikes, each of second moment σ²/d a coordinate.
    noise = np.asarray(fixed.to_code(jnp.asarray(x))) - code
    assert np.mean(noise**2) * data.dimension == pytest.approx(2 * NOISE**2, rel=0.05)
    assert tau == pytest.approx(label_std(data) / np.sqrt(data.sparsity))
    assert {phase.radius for phase in training.robust} == {tau} and {p.radius for p in training.clean} == {0.0}


def test_the_sources_algorithm_has_one_rate_one_threshold_and_its_regulariser():
    training, tau = source_algorithm(**SIZE)
    validate(training)
    phases = training.clean + training.robust
    assert training.momentum == 0.0 and training.optimizer == "sgd"
    assert {p.threshold_rule for p in phases} == {"uniform"}
    assert {(p.learning_rate, p.learning_rate_end) for p in phases} == {(phases[0].learning_rate, None)}
    assert all(p.cubic_decay == p.weight_decay > 0 and p.smoothing for p in phases)
    levels = [level for p in training.clean for level in (p.threshold, p.threshold_end or 0.0)]
    assert levels == sorted(levels) and levels[0] < levels[-1]
    assert training.data == feature_purification(**SIZE)[0].data
    assert {p.radius for p in training.robust} == {tau}


def claim(name, *values):
    """A claim that one quantity is at least ½, on seeds 0, 1, …"""

    class Stub:
        id = name

        @staticmethod
        def measure(evidence):
            del evidence
            return (Measurement("q", ">=", 0.5, tuple(SeedValue(s, v, v, v) for s, v in enumerate(values))),)

    return Stub


def test_survivors_are_counted_seed_by_seed(monkeypatch):
    monkeypatch.setattr(breadth, "_THEOREM", (claim("one", 0.9, 0.1), claim("two", 0.9, 0.8)))

    class Both:
        seeds = (0, 1)

    assert breadth._survivors(Both) == (  # pyright: ignore
        "Claims and the seeds, of 2, on which all their bounds are met: one 1, two 2."
    )
    assert [part.outcome for part in breadth._all_parts(Both)] == ["inconclusive", "holds"]  # pyright: ignore

"""Operations do to the nets what they say, and mechanism and selectivity are judged by each of their parts."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from purifyjax.analysis import absolute_cosine, features
from purifyjax.data import SparseCoding
from purifyjax.training import Training
from theory_checks.evidence import Evidence
from theory_checks.measuring.neurons import NEURONS, SELECTIVITY
from theory_checks.papers.feature_purification import mechanism as operations
from theory_checks.papers.feature_purification.claims import mechanism, selectivity
from theory_checks.papers.feature_purification.experiment import Purification
from theory_checks.papers.feature_purification.tables import MECHANISM

D, M, TAU = 64, 48, 0.3
CONFIG = Purification(
    name="default",
    training=Training(SparseCoding(dimension=D, sparsity=8), M, (), ()),
    radius=TAU,
    monitored_radius=TAU,
    seeds=2,
)


def patient(seed=0):
    """A clean net with features and mixtures, and a robust one with the same features alone."""
    draw = np.random.default_rng(seed)
    feature, sign = draw.integers(0, D, M), draw.choice([-1.0, 1.0], M)
    own = np.zeros((M, D))
    own[np.arange(M), feature] = sign * draw.uniform(1.0, 2.0, M)
    size = 0.1 * sign * draw.uniform(0.5, 1.5, M)
    clean = own + size[:, None] * (np.arange(D) != feature[:, None])
    nets = [
        operations.Coded(jnp.asarray(code, jnp.float32), jnp.asarray(b, jnp.float32))
        for code, b in ((clean, np.full(M, 0.4)), (1.5 * own, np.full(M, 0.3)))
    ]
    return operations.Patient(nets[0], nets[1], jnp.ones(D), jax.random.key(seed)), own, size


def test_the_mixture_is_taken_out_and_put_in_with_its_size():
    p, own, size = patient()
    out, into = operations.mixture_out(p), operations.mixture_in(p)
    np.testing.assert_allclose(out.code, own, atol=1e-6)
    np.testing.assert_array_equal(out.threshold, p.w.threshold)
    # The robust features are 1.5 times as large, and so is the mixture beside them.
    np.testing.assert_allclose(into.code, 1.5 * p.w.code, atol=1e-6)
    np.testing.assert_allclose(np.abs(size), np.abs(p.mixture_size), atol=1e-6)
    assert np.abs(features(out.code, p.label_weights, 8).mixture).max() < 1e-4


def test_random_directions_are_as_large_as_the_mixture_and_nearly_orthogonal_to_it():
    p, own, _ = patient()
    mixture = operations.mixture_in(p).code - 1.5 * own
    for operation in (operations.shared_random_in, operations.own_random_in):
        added = operation(p).code - 1.5 * own
        np.testing.assert_allclose(np.linalg.norm(added, axis=1), np.linalg.norm(mixture, axis=1), rtol=1e-5)
        assert np.median(absolute_cosine(added, mixture)) < 0.25
    shared, single = (
        np.sign(operation(p).code) for operation in (operations.shared_random_in, operations.own_random_in)
    )
    other = np.abs(np.corrcoef(shared)[0, 1:])
    assert np.median(other) > 0.9 and np.median(np.abs(np.corrcoef(single)[0, 1:])) < 0.3
    # The placebo takes out hardly anything.
    taken = np.linalg.norm(operations.random_out(p).code - p.w.code, axis=1)
    assert np.median(taken / np.linalg.norm(mixture, axis=1)) < 0.3


def test_thresholds_are_swapped_in_units_of_the_weights():
    p, _, _ = patient()
    swapped = operations.threshold_of(p.w, p.w_robust)
    np.testing.assert_allclose(swapped.threshold / swapped.norm, p.w_robust.threshold / p.w_robust.norm, rtol=1e-5)
    back = operations.threshold_of(swapped, p.w)
    np.testing.assert_allclose(back.threshold, p.w.threshold, rtol=1e-5)
    np.testing.assert_array_equal(swapped.code, p.w.code)


# What the theorem predicts: clean accuracy, accuracy at 0.8 τ and at τ.
PREDICTED = {
    ("clean", "none"): (1.0, 0.0, 0.0),
    ("clean", "mixture out"): (1.0, 0.9, 0.6),
    ("clean", "random direction out"): (1.0, 0.0, 0.0),
    ("clean", "other's threshold"): (1.0, 0.0, 0.0),
    ("clean", "trained on"): (1.0, 0.0, 0.0),
    ("robust", "none"): (1.0, 1.0, 1.0),
    ("robust", "mixture in"): (1.0, 0.1, 0.0),
    ("robust", "shared random direction in"): (0.8, 0.1, 0.0),
    ("robust", "own random directions in"): (1.0, 0.3, 0.1),
    ("robust", "other's threshold"): (1.0, 1.0, 0.9),
}


def evidence(changed=(), differs=0):
    rows = []
    for (net, change), shares in (PREDICTED | dict(changed)).items():
        for factor, share in zip((0.0, 0.8, 1.0), shares, strict=True):
            other = differs if change == "random direction out" else 1024
            rows += [
                ("default", seed, net, change, factor * TAU, round(1024 * share), other, 1024, 1.0) for seed in (0, 1)
            ]
    return {"default": Evidence(CONFIG, {MECHANISM.name: pd.DataFrame(rows, columns=list(MECHANISM.columns))})}


def test_mechanism_holds_as_predicted():
    verdict = mechanism.CAUSE.check(evidence())
    assert verdict.outcome == "holds" and len(verdict.parts) == 8
    assert all(part.seeds and len(part.seeds) == 2 for part in verdict.parts)
    assert "80.0% clean, 0.0% at τ" in verdict.note


@pytest.mark.parametrize(
    ("part", "changed"),
    [
        (0, {("clean", "mixture out"): (1.0, 0.9, 0.3)}),  # deaf nets stay fragile without it
        (1, {("clean", "mixture out"): (1.0, 0.6, 0.5)}),
        (2, {("robust", "mixture in"): (1.0, 0.5, 0.2)}),
        (3, {("robust", "mixture in"): (0.9, 0.0, 0.0)}),
        (4, {("clean", "other's threshold"): (1.0, 0.9, 0.8)}),  # the threshold decides
        (5, {("robust", "other's threshold"): (1.0, 0.5, 0.02)}),
    ],
)
def test_every_part_refutes(part, changed):
    verdict = mechanism.CAUSE.check(evidence(changed))
    # Nets of d = 64 are too small to refute it.
    assert verdict.outcome == "inconclusive" and replace(verdict, reachable=True).outcome == "refuted"
    assert [p.outcome == "refuted" for p in verdict.parts] == [i == part for i in range(8)]


def test_a_placebo_that_changes_outcomes_refutes():
    parts = mechanism.CAUSE.check(evidence(differs=100)).parts
    assert [p.outcome for p in parts[6:8]] == ["refuted", "refuted"]


def test_more_clean_training_is_refuted_where_it_helps():
    small = mechanism.LONGER.check(evidence({("clean", "trained on"): (1.0, 0.5, 0.3)}))
    assert small.outcome == "inconclusive" and "d = 64 is too small" in small.note
    assert mechanism.LONGER.check(evidence()).outcome == "holds"
    assert [part.outcome for part in small.parts] == ["holds", "refuted"]


def selective(clean=(0.99, 0.01), robust=(0.98, 0.02), live=1.0):
    rows = [
        ("default", seed, net, feature, 1000, share, share - 0.002, share + 0.002)
        for seed in (0, 1)
        for net, shares in (("clean", clean), ("robust", robust))
        for feature, share in zip(("present", "absent"), shares, strict=True)
    ]
    alive = np.arange(1000) < 1000 * live
    neurons = [pd.DataFrame({"seed": s, "live_clean": alive, "live_robust": alive}) for s in (0, 1)]
    tables = {
        SELECTIVITY.name: pd.DataFrame(rows, columns=list(SELECTIVITY.columns)),
        NEURONS.name: pd.concat(neurons),
    }
    return {"default": Evidence(CONFIG, tables)}


def test_selectivity_holds_and_is_refuted_by_deaf_linear_and_dead_nets():
    check = selectivity.CLAIM.check
    assert check(selective()).outcome == "holds"
    deaf, linear, dead = selective(clean=(0.48, 0.001)), selective(clean=(1.0, 0.92)), selective(live=0.5)
    for refuted, part in ((deaf, 0), (linear, 2), (dead, 4)):
        verdict = check(refuted)
        assert verdict.outcome == "refuted" and verdict.parts[part].outcome == "refuted"

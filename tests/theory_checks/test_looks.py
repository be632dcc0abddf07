"""Blocks of points until a verdict has enough of them: who stops when, and that stopping harms no verdict."""

import numpy as np
import pytest

from purifyjax.stats.sequential import RepeatedIntervals
from theory_checks.measuring.looks import until_decided

LOOKS = RepeatedIntervals((64, 128, 256, 512))


def asked_of(truth):
    """A measurement whose outcomes are known, and what was asked of it."""
    calls = []

    def of_block(block, points, asking):
        calls.append((block, points, asking.tolist()))
        return truth[:, points] & asking[:, None]

    return of_block, calls


def test_each_seed_stops_when_it_is_decided_and_the_others_go_on():
    clear, close = np.zeros(512, bool), np.arange(512) % 2 == 0
    of_block, calls = asked_of(np.stack([clear, close]))
    standing, n = until_decided(of_block, 2, LOOKS, (0.5,))
    assert n.tolist() == [64, 512]
    assert [(block, asking) for block, _, asking in calls] == [
        (0, [True, True]),
        (1, [False, True]),
        (2, [False, True]),
        (3, [False, True]),
    ]
    np.testing.assert_array_equal(standing, [clear, close])


def test_nothing_is_measured_after_the_last_seed_has_stopped():
    of_block, calls = asked_of(np.zeros((3, 512), bool))
    _, n = until_decided(of_block, 3, LOOKS, (0.5,))
    assert n.tolist() == [64] * 3 and len(calls) == 1


def test_every_bound_has_to_be_cleared_and_without_any_all_points_are_looked_at():
    truth = (np.arange(512) % 4 == 0)[None]
    for bounds, expected in (((0.6,), 64), ((0.6, 0.25), 512), ((), 512)):
        of_block, _ = asked_of(truth)
        assert until_decided(of_block, 1, LOOKS, bounds)[1].tolist() == [expected]


def test_a_seed_stops_at_the_same_place_whoever_is_beside_it():
    rng = np.random.default_rng(0)
    truth = rng.random((6, 512)) < np.array([0.02, 0.1, 0.3, 0.5, 0.7, 0.98])[:, None]
    together = until_decided(asked_of(truth)[0], 6, LOOKS, (0.2, 0.6))
    for s in range(6):
        alone = until_decided(asked_of(truth[s : s + 1])[0], 1, LOOKS, (0.2, 0.6))
        assert alone[1][0] == together[1][s]
        np.testing.assert_array_equal(alone[0][0], together[0][s])


@pytest.mark.parametrize("p", [0.005, 0.2, 0.5, 0.9, 0.99])
def test_stopping_covers_the_truth_and_decides_as_all_points_would(p):
    """Over many seeds: the interval at the stop misses p in at most 5%, and no verdict is turned round."""
    rng, seeds, bounds = np.random.default_rng(1), 4000, (0.01, 0.25, 0.8)
    truth = rng.random((seeds, 512)) < p
    standing, n = until_decided(asked_of(truth)[0], seeds, LOOKS, bounds)
    low, high = LOOKS.interval(standing.sum(axis=1), n)
    assert np.mean((low > p) | (high < p)) <= 0.05
    full_low, full_high = RepeatedIntervals((512,)).interval(truth.sum(axis=1), np.full(seeds, 512))
    for bound in bounds:
        above, below = low > bound, high < bound
        assert not np.any((above & (full_high < bound)) | (below & (full_low > bound)))

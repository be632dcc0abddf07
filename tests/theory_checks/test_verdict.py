"""How verdicts follow from intervals: at the edges, over seeds and parts, and never by pooling."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory_checks.verdict import Measurement, SeedValue, Verdict, exit_status


def measurement(relation, bound, *intervals, quantity="accuracy"):
    seeds = (SeedValue(n, (low + high) / 2, low, high) for n, (low, high) in enumerate(intervals))
    return Measurement(quantity, relation, bound, tuple(seeds))


def verdict(*parts, reachable=True, **more):
    return Verdict("claim", "Title", "Statement", "Source", ("default",), parts, reachable=reachable, **more)


HOLDS = measurement(">=", 0.99, (0.995, 0.999))
REFUTED = measurement(">=", 0.99, (0.95, 0.97))
OPEN = measurement(">=", 0.99, (0.98, 0.995))

AT_LEAST = [
    (((0.99, 1.0),), "holds"),  # the bound itself satisfies it
    (((0.989, 1.0),), "inconclusive"),
    (((0.98, 0.99),), "inconclusive"),  # the bound itself does not violate it
    (((0.98, 0.9899),), "refuted"),
    (((0.991, 1.0), (0.98, 0.985)), "inconclusive"),  # seeds that disagree
    (((0.991, 1.0), (0.9905, 1.0)), "holds"),
    (((0.1, 0.2), (0.98, 0.985)), "refuted"),
    (((math.nan, math.nan),), "inconclusive"),
    (((0.995, 0.999), (math.nan, math.nan)), "inconclusive"),
    (((math.nan, math.nan), (0.1, 0.2)), "inconclusive"),
    (((-math.inf, math.inf),), "inconclusive"),
]


@pytest.mark.parametrize(("intervals", "outcome"), AT_LEAST)
def test_outcome_of_a_lower_bound(intervals, outcome):
    assert measurement(">=", 0.99, *intervals).outcome == outcome


@pytest.mark.parametrize(("intervals", "outcome"), AT_LEAST)
def test_an_upper_bound_is_its_mirror_image(intervals, outcome):
    mirrored = [(-high, -low) for low, high in intervals]
    assert measurement("<=", -0.99, *mirrored).outcome == outcome


unit = st.floats(0, 1)
interval = st.tuples(unit, unit).map(sorted)


@given(intervals=st.lists(interval, min_size=1, max_size=5), bound=unit)
def test_the_outcome_is_that_of_the_hull_and_slack_says_how_far(intervals, bound):
    part = measurement(">=", bound, *intervals)
    low, high = part.interval
    assert low == min(low for low, _ in intervals) and high == max(high for _, high in intervals)
    assert low <= part.measured + 1e-12 and part.measured <= high + 1e-12
    assert (part.outcome == "holds") == (low >= bound) == (part.slack >= 0)
    assert (part.outcome == "refuted") == (high < bound)


@given(intervals=st.lists(interval, min_size=1, max_size=4), bound=unit, extra=interval)
def test_another_seed_never_makes_an_undecided_claim_hold(intervals, bound, extra):
    before = measurement("<=", bound, *intervals).outcome
    after = measurement("<=", bound, *intervals, extra).outcome
    assert after in (before, "inconclusive")


@pytest.mark.parametrize(
    ("parts", "reachable", "outcome"),
    [
        ((HOLDS,), True, "holds"),
        ((HOLDS, HOLDS), True, "holds"),
        ((HOLDS, OPEN), True, "inconclusive"),
        ((HOLDS, REFUTED), True, "refuted"),
        ((OPEN, REFUTED), True, "refuted"),
        ((HOLDS,), False, "holds"),  # what is seen is seen, whatever theory expects of the size
        ((REFUTED,), False, "inconclusive"),
        ((HOLDS, REFUTED), False, "inconclusive"),
        ((OPEN,), False, "inconclusive"),
    ],
)
def test_verdict_over_parts(parts, reachable, outcome):
    assert verdict(*parts, reachable=reachable).outcome == outcome


def test_binding_part_is_the_worst():
    assert verdict(HOLDS, OPEN, REFUTED).binding is REFUTED
    assert verdict(HOLDS, OPEN).binding is OPEN
    tight = measurement(">=", 0.99, (0.9901, 1.0))
    assert verdict(HOLDS, tight).binding is tight
    assert verdict(tight, HOLDS).binding is tight
    # 0.02 below the bound is worse than 0.01 below it.
    worse = measurement("<=", 0.01, (0.02, 0.03))
    assert verdict(measurement("<=", 0.01, (0.015, 0.02)), worse).binding is worse


def test_seeds_are_those_of_the_binding_part():
    assert verdict(HOLDS, measurement(">=", 0.99, (0.9, 1), (0.9, 1), (0.9, 1))).seeds == (0, 1, 2)


def test_exit_status():
    assert exit_status([]) == 0
    assert exit_status([verdict(HOLDS), verdict(OPEN), verdict(REFUTED, reachable=False)]) == 0
    assert exit_status([verdict(HOLDS), verdict(REFUTED)]) == 1
    assert exit_status([verdict(HOLDS), verdict(REFUTED, kind="experiment")]) == 1


def test_undecided_claims_count_when_that_is_asked_for():
    assert exit_status([verdict(HOLDS)], strict=True) == 0
    assert exit_status([verdict(HOLDS), verdict(OPEN)], strict=True) == 3
    assert exit_status([verdict(REFUTED), verdict(OPEN)], strict=True) == 1


def test_a_question_is_answered_and_never_refuted():
    for part, answer in ((HOLDS, "yes"), (REFUTED, "no"), (OPEN, "open")):
        asked = verdict(part, kind="question")
        assert asked.answer == answer and exit_status([asked], strict=True) == 0
    assert verdict(REFUTED).answer == "refuted"

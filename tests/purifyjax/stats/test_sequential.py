"""Repeated intervals against closed forms and single looks; what is no plan, look or count."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from purifyjax.errors import ConfigError
from purifyjax.stats import clopper_pearson
from purifyjax.stats.sequential import RepeatedIntervals

SMALL = RepeatedIntervals((16, 32, 64))
LARGE = RepeatedIntervals.doubling(2048, 64)


# The plan


def test_looks_double_up_to_all_points():
    for points, looks in {
        1536: (256, 512, 1024, 1536),
        2048: (256, 512, 1024, 2048),
        513: (256, 512, 513),
        257: (256, 257),
        256: (256,),
        100: (100,),
        1: (1,),
    }.items():
        assert RepeatedIntervals.doubling(points).looks == looks
    assert RepeatedIntervals.doubling(7, 1) == RepeatedIntervals((1, 2, 4, 7))
    whole: Any = np.int64(5)
    assert RepeatedIntervals.doubling(whole, 4, 0.3) == RepeatedIntervals((4, 5), 0.3)


def test_error_is_spent_by_the_last_look_above_all():
    assert SMALL.shares == pytest.approx((0.05, 0.05, 0.9))
    assert RepeatedIntervals((3, 5, 6, 9), 0.6).shares == pytest.approx((0.2, 0.2, 0.2, 0.4))
    assert RepeatedIntervals((7,)).shares == RepeatedIntervals((7,), 0.5).shares == (1,)
    assert SMALL.share_spent(32) == pytest.approx(0.05) and SMALL.share_spent(64) == 0.9
    assert SMALL.share_spent([[64, 16]]) == pytest.approx(np.array([[0.9, 0.05]]))


@given(looks=st.sets(st.integers(1, 10_000), min_size=1, max_size=8), early=st.floats(0.001, 0.999))
def test_all_of_the_error_is_spent_and_no_more(looks, early):
    plan = RepeatedIntervals(tuple(sorted(looks)), early)
    assert math.fsum(plan.shares) == pytest.approx(1, abs=1e-12) and min(plan.shares) > 0


@pytest.mark.parametrize(
    ("looks", "early", "message"),
    [
        ((), 0.1, "at least one look"),
        ([4, 8], 0.1, "a tuple"),
        (4, 0.1, "a tuple"),
        ((0, 4), 0.1, "look = 0"),
        ((4, 8.0), 0.1, "look = 8.0"),
        ((True, 8), 0.1, "look = True"),
        ((4, 4), 0.1, "more points"),
        ((8, 4), 0.1, "more points"),
        ((4, 8), 0.0, "early = 0.0"),
        ((4, 8), 1, "early = 1"),
        ((4, 8), math.nan, "early = nan"),
        ((4, 8), "0.1", "early"),
        ((4, 8), [0.1], "early"),
    ],
)
def test_odd_plans_are_refused(looks, early, message):
    with pytest.raises(ConfigError, match=message):
        RepeatedIntervals(looks, early)


@pytest.mark.parametrize("points", [0, -1, 2.5, True, None])
def test_odd_numbers_of_points_are_refused(points):
    with pytest.raises(ConfigError, match="points"):
        RepeatedIntervals.doubling(points)
    with pytest.raises(ConfigError, match="first"):
        RepeatedIntervals.doubling(100, points)


# The intervals


@given(n=st.integers(1, 3000), share=st.floats(0, 1), confidence=st.floats(0.5, 0.999))
def test_a_single_look_is_clopper_and_pearsons(n, share, confidence):
    count = round(share * n)
    ends = RepeatedIntervals((n,)).interval(count, n, confidence)
    assert ends == pytest.approx(clopper_pearson(count, n, confidence), rel=1e-9)


def test_intervals_in_closed_form():
    # No successes among n: (1 − high)ⁿ = α w/2.
    for n, share in zip((16, 32, 64), (0.05, 0.05, 0.9), strict=True):
        assert SMALL.interval(0, n) == pytest.approx((0, 1 - (0.025 * share) ** (1 / n)))
        assert SMALL.interval(n, n, 0.99) == pytest.approx(((0.005 * share) ** (1 / n), 1))


@given(share=st.floats(0, 1), confidence=st.floats(0.5, 0.999), parts=st.integers(2, 100), look=st.integers(0, 5))
def test_intervals_widen_with_confidence_and_hold_those_of_a_single_look(share, confidence, parts, look):
    n = LARGE.looks[look]
    count = round(share * n)
    low, high = LARGE.interval(count, n, confidence)
    once = clopper_pearson(count, n, confidence)
    assert low <= once[0] <= count / n <= once[1] <= high
    wider = LARGE.interval(count, n, 1 - (1 - confidence) / parts)
    assert wider[0] <= low and high <= wider[1]


def test_intervals_rise_with_the_count_and_narrow_with_the_looks():
    for n in LARGE.looks:
        low, high = LARGE.interval(np.arange(n + 1), n)
        assert (np.diff(low) > 0).all() and (np.diff(high) > 0).all()
    for share in (0, 1 / 64, 0.25, 0.5, 1):
        looks = np.array(LARGE.looks)
        low, high = LARGE.interval(share * looks, looks)
        assert (np.diff(high - low) < 0).all()
    # The last is hardly wider than that of a single look: z(1 − 0.045/2)/z(1 − 0.05/2) = 1.023.
    low, high = LARGE.interval(1024, 2048)
    once = clopper_pearson(1024, 2048)
    assert (high - low) / (once[1] - once[0]) == pytest.approx(1.023, abs=0.001)


def test_looks_and_counts_broadcast():
    low, high = SMALL.interval([[1], [9]], [16, 32, 64])
    assert low.shape == high.shape == (2, 3)
    for row, count in enumerate((1, 9)):
        for column, n in enumerate(SMALL.looks):
            assert (low[row, column], high[row, column]) == SMALL.interval(count, n)
    assert SMALL.decided([[1], [9]], [16, 32, 64], (0.5, 0.6)).tolist() == [[True, True, True], [False, False, True]]
    assert all(end.shape == (0,) for end in SMALL.interval([], 16)) and SMALL.decided([], 16, (0.5,)).shape == (0,)


def test_decided_is_strictly_outside_the_interval():
    low, high = SMALL.interval(10, 32)
    assert isinstance(SMALL.decided(10, 32, (0.9,)), bool)
    for bounds, decided in (
        ((low,), False),
        ((high,), False),
        (((low + high) / 2,), False),
        ((np.nextafter(low, 0),), True),
        ((np.nextafter(high, 1),), True),
        ((0.0, 1.0), True),
        ((0.0, high), False),
        ((0.0, 0.5 * low, 1.0), True),
    ):
        assert SMALL.decided(10, 32, bounds) == SMALL.decided(10, 32, list(bounds)) == decided
    # Ends at 0 and 1 are never beyond the bound there; a bound that 95% clears may be open at more.
    assert not SMALL.decided(0, 32, (0.0,)) and not SMALL.decided(32, 32, (1.0,))
    assert not SMALL.decided(10, 32, (np.nextafter(high, 1),), 0.99)


def test_what_is_no_look_is_refused():
    for n in (0, 17, 16.5, 128, math.nan, [16, 17], "16"):
        for call in (SMALL.share_spent, lambda n: SMALL.interval(0, n), lambda n: SMALL.decided(0, n, (0.5,))):
            with pytest.raises(ConfigError, match="^n = "):
                call(n)


@pytest.mark.parametrize("count", [-1, 17, 1.5, math.nan, [1, 17], "1", None])
def test_odd_counts_are_refused(count):
    with pytest.raises(ConfigError):
        SMALL.interval(count, 16)


def test_counts_and_looks_of_unequal_shapes_are_refused():
    with pytest.raises(ConfigError, match="count, n must be of one shape"):
        SMALL.interval([1, 2], [16, 16, 16])


@pytest.mark.parametrize("confidence", [0, 1, -1, -0.5, 95, math.nan, [0.9]])
def test_confidence_must_be_a_probability(confidence):
    for count in (1, []):
        with pytest.raises(ConfigError, match="confidence"):
            SMALL.interval(count, 16, confidence)
        with pytest.raises(ConfigError, match="confidence"):
            SMALL.decided(count, 16, (0.5,), confidence)


@pytest.mark.parametrize("bounds", [(), 0.5, (-0.1,), (0.5, 1.1), (math.nan,), ((0.5,),), ("a",), None])
def test_odd_bounds_are_refused(bounds):
    with pytest.raises(ConfigError, match="bounds"):
        SMALL.decided(1, 16, bounds)

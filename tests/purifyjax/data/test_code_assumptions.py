"""Assumptions about codes: met by codes that are drawn so, and found broken where that is planted."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from purifyjax.data import assumptions
from purifyjax.data.code_assumptions import _signs, _support_p, _value_p, poisson_binomial, smallest_value
from purifyjax.errors import ConfigError

D, K, N = 40, 6, 4000
PAIRS = list(itertools.combinations(range(D), 2))


def independent(seed=0, rows=N, rate=K / D):
    """|z_j| uniform in [1/√k, 3/√k] with probability k/d, of random sign."""
    rng = np.random.default_rng(seed)
    size = rng.uniform(1, 3, (rows, D)) / np.sqrt(K)
    return np.where(rng.uniform(size=(rows, D)) < rate, size * rng.choice([-1.0, 1.0], (rows, D)), 0.0)


def test_independent_codes_meet_them():
    found = assumptions(independent())
    assert found.asymmetric == found.correlated == found.associated == 0.0
    assert found.dispersion == pytest.approx(1.0, abs=5 * np.sqrt(2 / N))
    assert found.mean_nonzeros == pytest.approx(K, abs=5 * np.sqrt(K / N))
    assert found.rate == pytest.approx(K / D, abs=5 * np.sqrt(K / D / N))
    assert found.positive == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(N * K / D))
    assert found.second_moment == pytest.approx(1.0, abs=0.3) and found.second_moment.mean() == pytest.approx(1.0)
    # E u⁴/(E u²)² of u uniform in [1, 3], over the rate.
    assert found.kurtosis == pytest.approx((242 / 10) / (26 / 6) ** 2 / (K / D), rel=0.25)
    assert found.small < 0.02
    assert len(found.lift) == len(found.correlation) == len(PAIRS)
    assert found.lift.mean() == pytest.approx(1.0, abs=0.02) and np.abs(found.correlation).max() < 0.2
    assert np.abs(found.nonzeros - found.independent_nonzeros).max() < 5 * 0.5 / np.sqrt(N)
    assert found.nonzeros.sum() == pytest.approx(1) and len(found.nonzeros) == D + 1


# Planted


def test_lopsided_coordinates_are_found():
    codes = independent()
    codes[:, :10] = np.abs(codes[:, :10])
    found = assumptions(codes)
    assert found.asymmetric == 10 / D
    assert np.all(found.positive[:10] == 1) and np.all(found.positive_low[:10] > 0.98)
    inside = (found.positive_low <= found.positive) & (found.positive <= found.positive_high)
    assert inside.all()


def test_common_supports_are_found():
    codes = independent()
    # The pairs (0, 1), …, (8, 9) are active together half of the time, with signs of their own.
    joint = np.random.default_rng(1).uniform(size=(N, 5)) < 0.5
    for place in range(5):
        support = np.where(joint[:, place], codes[:, 2 * place] != 0, codes[:, 2 * place + 1] != 0)
        codes[:, 2 * place + 1] = np.where(
            support, np.where(codes[:, 2 * place + 1] == 0, 0.5, codes[:, 2 * place + 1]), 0
        )
        codes[:, 2 * place + 1] *= np.random.default_rng(place).choice([-1, 1], N)
    found = assumptions(codes)
    planted = [PAIRS.index((2 * place, 2 * place + 1)) for place in range(5)]
    # At most one false discovery in twenty.
    assert 5 / len(PAIRS) <= found.associated <= 6 / len(PAIRS)
    # Pr[both] = ½ p + ½ p² against p².
    assert found.lift[planted] == pytest.approx(0.5 + 0.5 * D / K, rel=0.15)
    assert found.correlated == found.asymmetric == 0.0


def test_common_values_are_found():
    codes = independent()
    codes[:, 1] = np.where(
        codes[:, 1] != 0, np.abs(codes[:, 1]) * np.where(codes[:, 0] != 0, np.sign(codes[:, 0]), 1), 0
    )
    codes[:, 1] *= np.where(codes[:, 0] != 0, 1, np.random.default_rng(0).choice([-1, 1], N))
    found = assumptions(codes)
    assert found.correlated == 1 / len(PAIRS) and np.argmax(np.abs(found.correlation)) == PAIRS.index((0, 1))
    assert found.associated == 0.0


def test_a_common_size_of_the_support_is_found():
    # Half of the codes have three times the others' rate: Var ‖z‖₀ gains (d (p − p'))²/4.
    low, high = 0.5 * K / D, 1.5 * K / D
    codes = np.concatenate([independent(0, N // 2, low), independent(1, N // 2, high)])
    found = assumptions(codes)
    mean = (low + high) / 2
    within = (low * (1 - low) + high * (1 - high)) / 2
    expected = (D * within + (D * (high - low)) ** 2 / 4) / (D * mean * (1 - mean))
    assert found.dispersion == pytest.approx(expected, rel=0.05)
    assert found.associated > 0.5 and found.lift.mean() == pytest.approx((low**2 + high**2) / 2 / mean**2, rel=0.05)


def test_small_values_and_uneven_energy_are_found():
    codes = independent()
    shrunk = np.random.default_rng(5).uniform(size=codes.shape) < 0.3
    assert assumptions(np.where(shrunk, 0.1 * codes, codes)).small == pytest.approx(0.3, abs=0.08)
    codes[:, 0] *= 3
    assert assumptions(codes).second_moment[0] == pytest.approx(9 * D / (D + 8), rel=0.1)


def test_copies_are_no_evidence_if_only_rows_apart_are_tested():
    codes = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], (12, D))
    many, apart = np.tile(codes, (200, 1)), np.arange(2400) < 12
    assert assumptions(many).associated > 0.5
    found = assumptions(many, apart)
    assert found.asymmetric == found.correlated == found.associated == 0.0
    np.testing.assert_allclose(found.lift, assumptions(codes).lift)


# The tests themselves


def test_supports_are_tested_as_by_fisher():
    codes = independent(rows=60)[:, :4]
    p = _support_p(codes)
    for value, (i, j) in zip(p, itertools.combinations(range(4), 2), strict=True):
        table = np.histogram2d(codes[:, i] != 0, codes[:, j] != 0, bins=2)[0].astype(int)
        sides = [float(np.asarray(stats.fisher_exact(table, alternative)[1])) for alternative in ("less", "greater")]
        assert value == pytest.approx(min(1, 2 * min(sides)))


def test_signs_are_tested_as_by_the_binomial_test():
    codes = independent(rows=60)[:, :6]
    low, high, p = _signs(codes)
    for j in range(6):
        test = stats.binomtest(int(np.sum(codes[:, j] > 0)), int(np.sum(codes[:, j] != 0)))
        interval = test.proportion_ci(method="exact")
        assert p[j] == pytest.approx(test.pvalue)
        assert (low[j], high[j]) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize("rows", [20, 400])
def test_values_are_tested_conservatively_whatever_their_tails(rows):
    rng = np.random.default_rng(0)
    heavy = rng.standard_cauchy((rows, 150)) * (rng.uniform(size=(rows, 150)) < 0.2)
    p = _value_p(heavy)
    assert all(np.mean(p <= level) <= level for level in (0.3, 0.1, 0.01))
    # 2 exp(−t²/2) = 0.3 at t = 1.95.
    normal = _value_p(rng.standard_normal((rows, 150)))
    assert np.mean(normal <= 0.3) == pytest.approx(2 * stats.norm.sf(np.sqrt(2 * np.log(2 / 0.3))), abs=0.02)


def test_poisson_binomial_against_all_outcomes():
    rate = np.array([0.1, 0.5, 0.7, 0.0])
    expected = np.zeros(5)
    for outcome in itertools.product((0, 1), repeat=4):
        expected[sum(outcome)] += np.prod(np.where(outcome, rate, 1 - rate))
    np.testing.assert_allclose(poisson_binomial(rate), expected, atol=1e-15)
    np.testing.assert_allclose(poisson_binomial(np.full(30, 0.2)), stats.binom.pmf(np.arange(31), 30, 0.2), atol=1e-12)


def test_the_smallest_value_of_the_theory_in_the_codes_units():
    energy = np.mean(np.sum(np.square(7.0 * independent()), axis=1))
    assert smallest_value(K, energy) == pytest.approx(7.0 / np.sqrt(K), rel=0.02)


# Edges


def test_coordinates_that_are_never_active_are_borne():
    codes = independent(rows=200)
    codes[:, 3] = 0
    found = assumptions(codes)
    assert found.positive[3] == 0.5 and (found.positive_low[3], found.positive_high[3]) == (0.0, 1.0)
    assert np.isnan(found.kurtosis[3]) and np.isnan(found.lift).sum() == D - 1
    assert np.isfinite([found.dispersion, found.asymmetric, found.correlated, found.associated, found.small]).all()


def test_what_cannot_be_measured_is_refused():
    for codes in (np.ones(3), np.ones((1, 3)), np.ones((3, 1))):
        with pytest.raises(ConfigError, match="shape of the codes"):
            assumptions(codes)
    with pytest.raises(ConfigError, match="not all 0"):
        assumptions(np.zeros((3, 3)))
    with pytest.raises(ConfigError, match="rows apart = 0"):
        assumptions(np.eye(3), np.zeros(3, bool))

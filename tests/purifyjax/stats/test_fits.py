"""Fits against closed forms and numpy's."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from purifyjax.stats import adjusted_r_squared, weighted_line_fit


@given(
    slope=st.floats(-5, 5),
    intercept=st.floats(-5, 5),
    errors=st.lists(st.floats(0.01, 10), min_size=2, max_size=8),
)
def test_points_on_a_line_are_recovered(slope, intercept, errors):
    x = np.linspace(-1, 2, len(errors))
    fit = weighted_line_fit(x, intercept + slope * x, errors)
    assert (fit.slope, fit.intercept) == pytest.approx((slope, intercept), abs=1e-9)
    assert fit.slope_low < slope < fit.slope_high


def test_line_agrees_with_polyfit():
    rng = np.random.default_rng(1)
    x, errors = rng.normal(size=12), rng.uniform(0.5, 2, 12)
    y = 1.5 - 0.5 * x + errors * rng.normal(size=12)
    fit = weighted_line_fit(x, y, errors)
    (slope, intercept), trusted = np.polyfit(x, y, 1, w=1 / errors, cov="unscaled")
    _, scattered = np.polyfit(x, y, 1, w=1 / errors, cov=True)
    half = max(1.959964 * trusted[0, 0] ** 0.5, stats.t.ppf(0.975, 10) * scattered[0, 0] ** 0.5)
    assert fit == pytest.approx((slope, intercept, slope - half, slope + half), rel=1e-6)


def test_scatter_beyond_the_errors_widens_the_interval():
    x, zigzag = np.arange(6.0), np.array([1, -1, 1, -1, 1, -1])
    calm = weighted_line_fit(x, x + 0.01 * zigzag, np.full(6, 0.1))
    rough = weighted_line_fit(x, x + 1.0 * zigzag, np.full(6, 0.1))
    trusted = 2 * 1.959964 * 0.1 / math.sqrt(np.sum((x - x.mean()) ** 2))
    assert calm.slope_high - calm.slope_low == pytest.approx(trusted)
    assert rough.slope_high - rough.slope_low > 10 * trusted


def test_power_law_exponent_from_two_sizes():
    # radius ∝ d^{−1/2}: two points, of which the errors alone can be trusted.
    fit = weighted_line_fit(np.log([256, 1024]), np.log([0.2, 0.1]), [0.1, 0.1])
    assert fit.slope == pytest.approx(-0.5)
    assert fit.slope_high - fit.slope == pytest.approx(1.959964 * math.sqrt(2) * 0.1 / math.log(4))


@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        ([1], [1], [1], "two points"),
        ([2, 2, 2], [1, 2, 3], [1, 1, 1], "different x"),
        ([1, 2], [1, 2, 3], [1, 1], "one length"),
        ([1, 2], [1, math.nan], [1, 1], "finite"),
        ([1, 2], [1, 2], [1, 0], "positive"),
    ],
)
def test_line_rejects(x, y, error, message):
    with pytest.raises(ValueError, match=message):
        weighted_line_fit(x, y, error)


def test_adjusted_r_squared_known_answers():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(200, 5))
    assert adjusted_r_squared(x, x @ draw.normal(size=5) + 3.0) == pytest.approx(1.0)
    # One input: R² is the squared correlation.
    y = x[:, 0] + draw.normal(size=200)
    r2 = np.corrcoef(x[:, 0], y)[0, 1] ** 2
    assert adjusted_r_squared(x[:, :1], y) == pytest.approx(1 - (1 - r2) * 199 / 198)
    assert math.isnan(adjusted_r_squared(x, np.ones(200)))
    for inputs, values in ((x[:6], y[:6]), (x, y[:-1]), (x[:, 0], y)):
        with pytest.raises(ValueError, match="n ≥ d"):
            adjusted_r_squared(inputs, values)


def test_adjusted_r_squared_has_no_bias_from_many_inputs():
    """Values that nothing explains: R² itself would be d/n = 1/4 on average."""
    draw = np.random.default_rng(1)
    found = [adjusted_r_squared(draw.normal(size=(80, 20)), draw.normal(size=80)) for _ in range(300)]
    assert abs(np.mean(found)) < 4 * np.std(found) / math.sqrt(300)

"""Angles between filters against known ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from purifyjax.analysis import absolute_cosine, angles
from purifyjax.errors import ConfigError


@given(degrees=st.floats(0, 180), seed=st.integers(0, 10**6), exponent=st.integers(-250, 250))
def test_planted_angles_are_found_at_any_scale(degrees, seed, exponent):
    rng = np.random.default_rng(seed)
    plane = np.linalg.qr(rng.normal(size=(25, 2)))[0].T
    turned = np.cos(np.radians(degrees)) * plane[0] + np.sin(np.radians(degrees)) * plane[1]
    assert angles(10.0**exponent * plane[:1], 3 * turned[None])[0] == pytest.approx(degrees, abs=1e-12 * 180 + 1e-11)


def test_small_angles_keep_their_digits():
    """arccos of a cosine in float64 knows nothing of an angle of 1e-9 radians."""
    found = angles([[1.0, 0.0], [1.0, 0.0]], [[1.0, 1e-9], [-1.0, 1e-9]])
    assert np.radians(found[0]) == pytest.approx(1e-9, rel=1e-6, abs=0)
    assert np.pi - np.radians(found[1]) == pytest.approx(1e-9, rel=1e-6, abs=0)


def test_filters_are_signed_and_rows_apart():
    a = np.array([[[1.0, 0.0], [1.0, 0.0]], [[0.0, 2.0], [3.0, 3.0]]])
    b = np.array([[[-5.0, 0.0], [1.0, 1.0]], [[7.0, 0.0], [1.0, 1.0]]])
    np.testing.assert_allclose(angles(a, b), [[180, 45], [90, 0]], atol=1e-5)
    assert angles(a[0, 0], b[0, 1]) == pytest.approx(45)
    assert angles(a.astype(np.float32), b.astype(np.float32)).dtype == np.float64


def test_filters_without_direction():
    a = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [np.nan, 0.0], [np.inf, 1.0]])
    b = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    np.testing.assert_array_equal(angles(a, b), [90, 90, 90, np.nan, np.nan])
    assert angles(np.zeros((0, 9)), np.zeros((0, 9))).shape == (0,)


def test_it_is_the_angle_of_the_absolute_cosine():
    a, b = np.random.default_rng(0).normal(size=(2, 40, 9))
    np.testing.assert_allclose(np.abs(np.cos(np.radians(angles(a, b)))), absolute_cosine(a, b), atol=1e-6)
    # Random filters of dimension 9 lie about 90°, 57°/3 around it.
    assert abs(np.mean(angles(a, b)) - 90) < 3 * 57.3 / 3 / 40**0.5


def test_other_shapes_are_refused():
    with pytest.raises(ConfigError, match=r"shapes of the filters = \(\(2, 9\), \(3, 9\)\)"):
        angles(np.ones((2, 9)), np.ones((3, 9)))

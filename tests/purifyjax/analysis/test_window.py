"""Predicted radii: hand-computed numbers and the exponents of the scaling laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purifyjax.analysis import window


def test_numbers_by_hand():
    """d = 1024, 25 active, std 1.5, γ = 1, C = 2: 2.6 · 1.5 · 32/(2 · 625), 0.8/5, 0.8 · 32/25."""
    found = window(1024, 25, 1.5, 1.0, mixture=2.0)
    assert found.clean_breaks == pytest.approx(0.09984)
    assert found.robust_holds == pytest.approx(0.16)
    assert found.mixture_limit == pytest.approx(1.024)
    assert found.is_open


def test_default_mixture_is_the_largest_that_decomposition_allows():
    implicit = window(1024, 25, 1.5, 1.0)
    explicit = window(1024, 25, 1.5, 1.0, mixture=implicit.mixture_limit)
    assert implicit.clean_breaks == pytest.approx(explicit.clean_breaks)
    # At that mixture the dimension drops out: 2.6 std/(0.8 k).
    assert implicit.clean_breaks == pytest.approx(2.6 * 1.5 / (0.8 * 25))


def test_closed_without_margin_or_mixture():
    assert window(1024, 25, 1.5, 0.0).robust_holds == 0.0
    assert not window(1024, 25, 1.5, 0.0).is_open
    assert not window(1024, 25, 1.5, 1.0, mixture=0.5).is_open


@given(
    dimension=st.integers(64, 10**5),
    active=st.floats(1.0, 50.0),
    std=st.floats(0.1, 3.0),
    margin=st.floats(0.1, 3.0),
    mixture=st.floats(0.1, 5.0),
)
def test_scaling_laws(dimension, active, std, margin, mixture):
    one = window(dimension, active, std, margin, mixture)
    wide = window(4 * dimension, active, std, margin, mixture)
    assert wide.clean_breaks == pytest.approx(2 * one.clean_breaks)  # √d
    assert wide.robust_holds == pytest.approx(one.robust_holds)
    assert wide.mixture_limit == pytest.approx(2 * one.mixture_limit)  # √d
    dense = window(dimension, 4 * active, std, margin, mixture)
    assert dense.clean_breaks == pytest.approx(one.clean_breaks / 16)  # 1/k²
    assert dense.robust_holds == pytest.approx(one.robust_holds / 2)  # 1/√k
    assert dense.mixture_limit == pytest.approx(one.mixture_limit / 4)  # 1/k
    dirty = window(dimension, active, std, margin, 2 * mixture)
    assert dirty.clean_breaks == pytest.approx(one.clean_breaks / 2)
    spread = window(dimension, active, 2 * std, margin, mixture)
    assert spread.clean_breaks == pytest.approx(2 * one.clean_breaks)
    clear = window(dimension, active, std, 2 * margin, mixture)
    assert clear.robust_holds == pytest.approx(2 * one.robust_holds)
    assert one.is_open == (one.clean_breaks <= one.robust_holds)

"""Robust and non-robust components: known axes are found, and parts of digits still tell the label."""

from __future__ import annotations

import numpy as np
import pytest

from purifyjax.analysis.components import components
from purifyjax.data.images import load
from purifyjax.errors import ConfigError

AMPLITUDES = np.array([2.0, 1.0, 0.25, 0.0])
SPREADS = np.array([0.1, 0.3, 0.5, 3.0])  # the axis of largest variance knows nothing of the class


def planted(n: int = 4000):
    """Two classes at ±AMPLITUDES along rotated axes around a centre; class means are exact."""
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(4, 4)))[0].T
    centre = rng.normal(size=4)
    y = np.arange(n) % 2
    noise = rng.normal(size=(n // 2, 4)) * SPREADS
    noise = np.linalg.qr(noise - noise.mean(axis=0))[0] * np.sqrt(n / 2) * SPREADS
    noise = np.repeat(noise - noise.mean(axis=0), 2, axis=0)
    # The same noise in both classes, uncorrelated along the axes: means that differ along one axis keep them principal.
    return axes, centre, y, noise


@pytest.mark.parametrize("axis,amplitude", [(0, 2.0), (2, 0.25)])
def test_the_axis_of_the_class_is_robust_whatever_its_variance(axis, amplitude):
    axes, centre, y, noise = planted()
    code = noise.copy()
    code[:, axis] += amplitude * np.where(y == 1, 1.0, -1.0)
    found = components(code @ axes + centre, y, amplitude / 2)
    assert len(found.robust_axes) == 1
    np.testing.assert_allclose(np.abs(found.robust_axes @ axes.T)[0], np.eye(4)[axis], atol=1e-4)
    np.testing.assert_allclose(found.robust_amplitudes, amplitude, rtol=1e-5)
    np.testing.assert_allclose(found.nonrobust_amplitudes, 0.0, atol=1e-5)


def test_amplitude_is_the_root_mean_square_over_classes_not_over_images():
    """Three classes on one axis, of 1, 2 and 3 images: means 0, 3, 6 around 4, so A² = (16 + 1 + 4)/3."""
    x = np.zeros((6, 2))
    x[:, 0] = [0, 3, 3, 6, 6, 6]
    found = components(x, np.array([0, 1, 1, 2, 2, 2]), 1.0)
    np.testing.assert_allclose(found.robust_amplitudes, [np.sqrt(7.0)], rtol=1e-6)


@pytest.fixture(scope="module")
def digits():
    images = load("digits")
    return images.train_x.reshape(-1, 64), images.train_y, images.test_x.reshape(-1, 64), images.test_y


@pytest.mark.parametrize("threshold", [None, 0.3])
def test_parts_are_a_projection_and_what_it_leaves(digits, threshold):
    x, y, test_x, _ = digits
    found = components(x, y, threshold)
    basis = np.concatenate([found.robust_axes, found.nonrobust_axes])
    np.testing.assert_allclose(basis @ basis.T, np.eye(64), atol=1e-5)
    robust, rest = found.robust_part(test_x), found.nonrobust_part(test_x)
    assert robust.dtype == rest.dtype == np.float32
    np.testing.assert_allclose(robust + rest, test_x + found.mean, atol=1e-5)
    np.testing.assert_allclose((robust - found.mean) @ found.nonrobust_axes.T, 0.0, atol=1e-5)
    np.testing.assert_allclose((rest - found.mean) @ found.robust_axes.T, 0.0, atol=1e-5)
    np.testing.assert_allclose(found.robust_part(robust), robust, atol=1e-5)


def test_axes_are_in_order_and_the_threshold_lies_between_the_parts(digits):
    x, y = digits[:2]
    found = components(x, y, 0.3)
    amplitudes = np.concatenate([found.robust_amplitudes, found.nonrobust_amplitudes])
    assert (np.diff(amplitudes) <= 0).all()
    assert found.robust_amplitudes.min() > 0.3 >= found.nonrobust_amplitudes.max()
    # All class energy, from the means alone.
    means = np.stack([x[y == c].mean(axis=0) - x.mean(axis=0) for c in range(10)])
    np.testing.assert_allclose(np.sum(amplitudes**2), np.sum(means**2) / 10, rtol=1e-4)


def test_without_a_threshold_the_parts_halve_the_class_energy(digits):
    found = components(*digits[:2])
    energy = np.cumsum(np.concatenate([found.robust_amplitudes, found.nonrobust_amplitudes]) ** 2)
    gap = np.abs(energy[:-1] / energy[-1] - 0.5)
    assert len(found.robust_axes) == np.argmin(gap) + 1 and gap.min() < 0.1


def test_either_part_alone_tells_the_label_of_digits(digits):
    """Otherwise the notion would be empty. Chance is 10%; 58% and 92% were measured."""
    from sklearn.linear_model import LogisticRegression

    x, y, test_x, test_y = digits
    found = components(x, y)
    scores = [
        LogisticRegression(max_iter=300).fit(part(x), y).score(part(test_x), test_y)
        for part in (found.robust_part, found.nonrobust_part)
    ]
    assert scores[0] > 0.5 and scores[1] > 0.85, scores


@pytest.mark.parametrize(
    "threshold,says", [(-0.1, "threshold τ = -0.1"), (1.0, "threshold τ = 1.0"), (0.0, "threshold τ = 0.0")]
)
def test_a_threshold_that_leaves_a_part_empty_is_refused(threshold, says):
    x = np.random.default_rng(0).normal(size=(40, 3)) / 10
    y = np.arange(40) % 2
    x[:, 0] += 0.8 * y
    with pytest.raises(ConfigError, match=says):
        components(x, y, threshold)


def test_one_class_is_refused():
    with pytest.raises(ConfigError, match="classes = 1"):
        components(np.eye(3), np.zeros(3, int), 0.1)

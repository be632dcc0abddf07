"""Sparse reconstruction: planted combinations are found, and scikit-learn's pursuit finds the same."""

from __future__ import annotations

import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.analysis import atoms_needed, dictionary, reconstruction_errors
from purifyjax.analysis import reconstruction as module
from purifyjax.errors import ConfigError
from purifyjax.models.conv import neighbourhoods

FULL = jax.lax.Precision.HIGHEST
needs_sklearn = pytest.mark.skipif(importlib.util.find_spec("sklearn") is None, reason="needs the extra images")


def delta(size: int, channels: int) -> np.ndarray:
    """A filter a channel that answers with the pixel itself."""
    filters = np.zeros((channels, size, size, channels))
    filters[np.arange(channels), size // 2, size // 2, np.arange(channels)] = 1.0
    return filters.reshape(channels, -1)


def normalised(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


# The dictionary


@pytest.mark.parametrize("size", [1, 3, 5])
def test_atoms_are_the_gradients_of_the_models_responses(size):
    filters = np.random.default_rng(size).normal(size=(3, size * size * 2)).astype(np.float32)

    def responses(image):
        return jnp.moveaxis(jnp.matmul(neighbourhoods(image[None], size)[0], filters.T, precision=FULL), -1, 0)

    gradients = np.asarray(jax.jacobian(responses)(jnp.zeros((4, 7, 2)))).reshape(3 * 28, 56)
    np.testing.assert_allclose(dictionary(filters, size, (4, 7, 2)), normalised(gradients), atol=1e-6)


def test_atoms_are_the_gradients_of_xlas_convolution():
    filters = np.random.default_rng(0).normal(size=(2, 5, 5, 3)).astype(np.float32)

    def responses(image):
        kernel = jnp.moveaxis(jnp.asarray(filters), 0, -1)
        order = ("NHWC", "HWIO", "NHWC")
        found = jax.lax.conv_general_dilated(image[None], kernel, (1, 1), "SAME", None, None, order, precision=FULL)
        return jnp.moveaxis(found[0], -1, 0)

    gradients = np.asarray(jax.jacobian(responses)(jnp.zeros((6, 7, 3)))).reshape(2 * 42, 126)
    np.testing.assert_allclose(dictionary(filters.reshape(2, -1), 5, (6, 7, 3)), normalised(gradients), atol=1e-6)


def test_what_lies_outside_or_is_zero_is_no_atom():
    corner = np.zeros((3, 9))
    corner[0, 0] = 2.0  # answers with the pixel above and to the left: none in the first row and column
    corner[1, 4] = -1e-20
    atoms = dictionary(corner, 3, (3, 4, 1))
    assert atoms.shape == (6 + 12, 12)
    np.testing.assert_allclose(np.abs(atoms).sum(axis=1), 1.0)
    assert (atoms[6:] == -np.eye(12)).all()


# The pursuit


def test_a_planted_combination_is_recovered_exactly():
    """Four filters of 3 × 3, apart from each other, in images of 24 × 24."""
    rng = np.random.default_rng(0)
    filters = rng.normal(size=(4, 9))
    images = np.zeros((6, 24, 24, 1))
    for image in images:
        for place in rng.permutation(16)[:5]:
            # A grid of 6 × 6: no atom touches two of the planted ones.
            i, j = divmod(int(place), 4)
            patch = filters[rng.integers(4)].reshape(3, 3, 1)
            image[6 * i : 6 * i + 3, 6 * j : 6 * j + 3] += rng.choice([-1, 1]) * rng.uniform(1, 2) * patch
    errors = reconstruction_errors(images, filters, 3, range(7))
    assert errors[:, 5:] == pytest.approx(0, abs=1e-12)
    assert errors[:, 4].min() > 0.05
    np.testing.assert_array_equal(atoms_needed(errors, range(7), 1e-9), 5.0)


@pytest.mark.parametrize("sparsity", [1, 3, 8])
def test_identity_filters_rebuild_sparse_images_exactly(sparsity):
    rng = np.random.default_rng(sparsity)
    images = np.zeros((10, 6 * 6 * 2))
    for image in images:
        image[rng.permutation(72)[:sparsity]] = rng.uniform(0.5, 1.5, sparsity) * rng.choice([-1, 1], sparsity)
    counts = [sparsity, sparsity - 1, 0]
    errors = reconstruction_errors(images.reshape(10, 6, 6, 2), delta(5, 2), 5, counts)
    smallest = np.sort(np.abs(images), axis=1)[:, -sparsity] / np.linalg.norm(images, axis=1)
    np.testing.assert_allclose(errors, np.stack([0 * smallest, smallest, 1 + 0 * smallest], axis=1), atol=1e-12)


@pytest.fixture(scope="module")
def noise():
    rng = np.random.default_rng(1)
    return rng.normal(size=(12, 6, 6, 2)), rng.normal(size=(7, 18))


@needs_sklearn
def test_scikit_learn_finds_the_same(noise):
    from sklearn.linear_model import orthogonal_mp_gram

    images, filters = noise
    counts = [1, 2, 5, 12]
    atoms, rows = dictionary(filters, 3, (6, 6, 2)), images.reshape(12, -1)
    gram, products = atoms @ atoms.T, atoms @ rows.T
    codes = [np.asarray(orthogonal_mp_gram(gram, products, n_nonzero_coefs=count)) for count in counts]
    expected = [np.linalg.norm(rows - code.T @ atoms, axis=1) / np.linalg.norm(rows, axis=1) for code in codes]
    np.testing.assert_allclose(reconstruction_errors(images, filters, 3, counts), np.stack(expected, 1), rtol=1e-9)


def test_errors_fall_with_the_atoms_until_nothing_is_left(noise):
    images, filters = noise
    errors = reconstruction_errors(images, filters, 3, range(80))
    assert (np.diff(errors, axis=1) <= 1e-15).all() and errors[:, 0] == pytest.approx(1)
    assert errors[:, 72:] == pytest.approx(0, abs=1e-9)  # as many atoms as entries
    assert errors[:, 10].min() > 0.1


def test_the_scale_of_signals_and_filters_does_not_matter(noise):
    images, filters = noise
    scales = 10.0 ** np.arange(-120, 120, 20)[:, None, None, None]
    found = reconstruction_errors(scales * images, -1e-90 * filters, 3, [3, 9])
    np.testing.assert_allclose(found, reconstruction_errors(images, filters, 3, [3, 9]), rtol=1e-9)


def test_filters_that_agree_add_nothing(noise):
    images, filters = noise
    twice = np.concatenate([filters, -2 * filters, 0 * filters])
    counts = [1, 4, 9]
    expected = reconstruction_errors(images, filters, 3, counts)
    np.testing.assert_allclose(reconstruction_errors(images, twice, 3, counts), expected, rtol=1e-9)


def test_images_are_rebuilt_in_chunks_as_at_once(noise, monkeypatch):
    images, filters = noise
    expected = reconstruction_errors(images, filters, 3, [2, 6])
    monkeypatch.setattr(module, "_MOST_PRODUCTS", 3000)
    np.testing.assert_allclose(reconstruction_errors(images, filters, 3, [2, 6]), expected, rtol=1e-9)


def test_what_no_atom_reaches_stays():
    """Filters of the first channel alone: the second is left, in zero images nothing is."""
    images = np.zeros((3, 4, 4, 2))
    images[0, 1, 1] = [3.0, 4.0]
    images[1, 2, 3, 1] = 1.0
    errors = reconstruction_errors(images, delta(3, 2)[:1], 3, [0, 1, 5, 40])
    np.testing.assert_allclose(errors, [[1, 0.8, 0.8, 0.8], [1, 1, 1, 1], [0, 0, 0, 0]], atol=1e-12)
    np.testing.assert_allclose(reconstruction_errors(images, np.zeros((1, 18)), 3, [2]), [[1], [1], [0]])
    assert reconstruction_errors(images[:0], delta(3, 2), 3, [1, 2]).shape == (0, 2)


def test_atoms_that_depend_on_those_taken_add_no_direction():
    """Filters of 1 × 1 that span two of three channels, of which the third is what stays."""
    rng = np.random.default_rng(2)
    images, basis = rng.normal(size=(5, 2, 2, 3)), np.linalg.qr(rng.normal(size=(3, 3)))[0]
    filters = rng.normal(size=(6, 2)) @ basis[:2]
    expected = np.linalg.norm((images @ basis[2]).reshape(5, -1), axis=1) / np.linalg.norm(
        images.reshape(5, -1), axis=1
    )
    errors = reconstruction_errors(images, filters, 1, [8, 9, 60])
    np.testing.assert_allclose(errors, np.tile(expected[:, None], 3), rtol=1e-12)


def test_atoms_needed_is_the_smallest_number_that_suffices():
    errors = np.array([[0.5, 0.1, 0.05], [0.5, 0.4, 0.3], [0.1, 0.0, 0.0]])
    np.testing.assert_array_equal(atoms_needed(errors, [2, 4, 8], 0.1), [4, np.inf, 2])
    np.testing.assert_array_equal(atoms_needed(errors[:, ::-1], [8, 4, 2], 0.1), [4, np.inf, 2])


@pytest.mark.parametrize(
    "change,says",
    [
        ({"filters": np.ones((4, 4)), "size": 2}, "size of the filters = 2"),
        ({"filters": np.ones((4, 8))}, r"shape of the filters = \(4, 8\)"),
        ({"filters": np.full((4, 9), np.nan)}, "filters = 'NaN or infinite'"),
        ({"signals": np.ones((2, 64))}, r"shape of the signals = \(2, 64\)"),
        ({"signals": np.full((2, 8, 8, 1), np.inf)}, "signals = 'NaN or infinite'"),
        ({"atoms": []}, r"numbers of atoms = \[\]"),
        ({"atoms": [4, -1]}, "number of atoms = -1"),
        ({"signals": np.ones((1, 100, 100, 1))}, "entries of the dictionary = 400000000"),
    ],
)
def test_what_cannot_be_rebuilt_is_refused(change, says):
    arguments = {"signals": np.ones((2, 8, 8, 1)), "filters": np.ones((4, 9)), "size": 3, "atoms": [1, 2]}
    with pytest.raises(ConfigError, match=says):
        reconstruction_errors(**(arguments | change))

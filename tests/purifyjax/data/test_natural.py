"""Codes of pictures: the pipeline on painted pictures, and the solver against scikit-learn's matching pursuit."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import orthogonal_mp

from purifyjax.data import NaturalCodes, natural_codes, validate_natural
from purifyjax.data.natural import _patches, encode, sample_pictures
from purifyjax.data.whitening import whitened
from purifyjax.errors import ConfigError

SMALL = NaturalCodes(
    patch=6, atoms=20, patches=3000, fitted=2000, iterations=20, tolerance=0.3, contrast=0.01, block=24, seed=3
)
SQUARES = (4, 6)  # of the painted picture


def painted(seed=0):
    """Random edges: a picture whose patches are sparse in the direction and the place of an edge."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices([24 * count for count in SQUARES])
    picture = np.zeros(rows.shape)
    for _ in range(150):
        angle, row, column, grey = rng.uniform([0, 0, 0, 0.2], [2 * np.pi, *rows.shape, 0.8])
        near = np.hypot(rows - row, columns - column) < rng.uniform(6, 20)
        side = (rows - row) * np.cos(angle) + (columns - column) * np.sin(angle) > 0
        picture[near & side] = grey
    return (picture + 0.02 * rng.standard_normal(picture.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def coded():
    return natural_codes(SMALL, [painted()])


def board(half):
    """Which pixels belong to the half, like squares of one colour."""
    rows, columns = np.indices([24 * count for count in SQUARES])
    return (rows // 24 + columns // 24) % 2 == half


# Codes


@pytest.mark.parametrize("tolerance", [0.05, 0.3, 0.7])
def test_codes_are_those_of_orthogonal_matching_pursuit(tolerance):
    rng = np.random.default_rng(0)
    dictionary = np.linalg.qr(rng.standard_normal((12, 12)))[0]
    rows = rng.standard_normal((40, 12)) * rng.lognormal(sigma=1.0, size=(40, 12))
    codes, missed = encode(rows, dictionary, tolerance)
    for x, z, share in zip(rows, codes, missed, strict=True):
        np.testing.assert_allclose(z, orthogonal_mp(dictionary, x, tol=tolerance * x @ x), atol=1e-9)
        assert share == pytest.approx(np.sum((x - dictionary @ z) ** 2) / (x @ x))


def test_codes_miss_no_more_than_is_tolerated_and_no_coordinate_can_be_spared(coded):
    for half in (coded.train, coded.evaluation):
        assert half.missed.max() <= SMALL.tolerance + 1e-6
        energy = np.square(half.codes)
        total = energy.sum(axis=1) / (1 - half.missed)
        smallest = np.where(energy > 0, energy, np.inf).min(axis=1)
        assert np.all(half.missed + smallest / total > SMALL.tolerance - 1e-6)


# The pipeline


def test_patches_are_white_and_the_dictionary_unitary(coded):
    flat = _patches(SMALL, [painted()], 0, np.random.default_rng(SMALL.seed))[0]
    assert np.abs(flat.mean(axis=1)).max() < 1e-5 and flat.std(axis=1) == pytest.approx(1.0, rel=1e-4)
    white = whitened(flat, coded.whitening)
    np.testing.assert_allclose(white.T @ white / len(white), np.eye(SMALL.atoms), atol=1e-3)
    np.testing.assert_allclose(coded.dictionary.T @ coded.dictionary, np.eye(SMALL.atoms), atol=1e-4)
    codes, _ = encode(white, coded.dictionary, SMALL.tolerance)
    np.testing.assert_array_equal(codes, coded.train.codes)


def test_codes_do_not_see_brightness_and_contrast(coded):
    config = replace(SMALL, contrast=SMALL.contrast / 2)
    bright, dim = (
        _patches(settings, [picture], 1, np.random.default_rng(0))[0]
        for settings, picture in ((SMALL, painted()), (config, 0.25 + 0.5 * painted()))
    )
    np.testing.assert_allclose(bright, dim, atol=1e-3)
    white = whitened(bright, coded.whitening)
    np.testing.assert_allclose(whitened(3.0 * bright, coded.whitening), white, rtol=1e-4, atol=1e-4)


def test_nothing_is_learned_from_the_evaluation_half(coded):
    picture = painted()
    other = np.where(board(1), painted(seed=9), picture)
    found = natural_codes(SMALL, [other])
    np.testing.assert_array_equal(found.train.codes, coded.train.codes)
    np.testing.assert_array_equal(found.dictionary, coded.dictionary)
    assert not np.array_equal(found.evaluation.codes, coded.evaluation.codes)
    changed = natural_codes(SMALL, [np.where(board(0), painted(seed=9), picture)])
    assert not np.array_equal(changed.dictionary, coded.dictionary)


def test_independent_components_are_sparser_than_a_random_basis(coded):
    flat = _patches(SMALL, [painted()], 0, np.random.default_rng(SMALL.seed))[0]
    white = whitened(flat, coded.whitening)
    random = np.linalg.qr(np.random.default_rng(1).standard_normal((SMALL.atoms, SMALL.atoms)))[0]
    of_random = encode(white, random.astype(np.float32), SMALL.tolerance)[0]
    assert np.count_nonzero(coded.train.codes) < 0.95 * np.count_nonzero(of_random)


def test_atoms_are_patterns_whose_whitened_patch_is_the_atom(coded):
    flat = coded.atoms.reshape(SMALL.atoms, -1)
    back = flat @ coded.whitening.first @ coded.whitening.second
    np.testing.assert_allclose(back, coded.dictionary.T, atol=1e-4)


def test_mirror_images_follow_the_training_patches_only():
    rng = np.random.default_rng
    flat, region, apart = _patches(replace(SMALL, patches=50), [painted()], 0, rng(0))
    assert len(flat) == 100 and not apart[50:].any()
    upright, mirrored = flat.reshape(2, 50, 6, 6)
    np.testing.assert_allclose(mirrored, upright[:, :, ::-1], atol=1e-5)
    np.testing.assert_array_equal(region[:50], region[50:])
    single = natural_codes(replace(SMALL, mirrored=False), [painted()])
    assert len(single.train.codes) == single.train.patches
    both = natural_codes(SMALL, [painted()])
    assert len(both.train.codes) == 2 * both.train.patches and len(both.evaluation.codes) == both.evaluation.patches


def test_patches_lie_inside_their_square_and_those_apart_do_not_overlap():
    # Grey tells the place: the least pixel of a patch is its upper left corner.
    rows, columns = np.indices([24 * count for count in SQUARES])
    place = (rows * 24 * SQUARES[1] + columns).astype(np.float64)
    config = replace(SMALL, patches=10**6, mirrored=False)
    count = 24 - 6 + 1
    for half in (0, 1):
        flat, region, apart = _patches(config, [place], half, np.random.default_rng(0))
        squares = SQUARES[0] * SQUARES[1] // 2
        assert len(flat) == squares * count**2 and len(np.unique(region)) == squares
        # 24/6 patches a side tile a square.
        assert apart.sum() == squares * 16
        assert np.all(np.bincount(np.unique(region, return_inverse=True)[1]) == count**2)
    smooth = place.copy()
    smooth[:24, :24] = 0.5
    assert len(_patches(config, [smooth], 0, np.random.default_rng(0))[0]) == (squares - 1) * count**2


def test_the_same_seed_gives_the_same_codes(coded):
    again = natural_codes(SMALL, [painted()])
    np.testing.assert_array_equal(again.train.codes, coded.train.codes)
    other = natural_codes(replace(SMALL, seed=4), [painted()])
    assert not np.array_equal(other.train.codes, coded.train.codes)


# The pictures, and settings


def test_photographs_come_with_scikit_learn():
    pictures = sample_pictures()
    assert [picture.shape for picture in pictures] == [(427, 640)] * 2
    assert all(0 <= picture.min() and picture.max() <= 1 and picture.std() > 0.1 for picture in pictures)
    config = NaturalCodes(patch=12, atoms=100, patches=6000, fitted=6000, iterations=30)
    found = natural_codes(config)
    assert len(found.train.codes) == 12000 and len(found.evaluation.codes) == 6000
    # Gaussian coordinates would need 12.4% of the atoms for half of the energy.
    assert np.mean(found.evaluation.codes != 0) < 0.105


@pytest.mark.parametrize(
    "field,value",
    [
        ("patch", 1),
        ("atoms", 36),
        ("atoms", 1),
        ("patches", 0),
        ("fitted", 39),
        ("iterations", 0),
        ("tolerance", 0.0),
        ("tolerance", 1.0),
        ("contrast", 0.0),
        ("block", 5),
    ],
)
def test_a_setting_out_of_range_is_named(field, value):
    with pytest.raises(ConfigError, match=f"^{field}.* = {value}"):
        validate_natural(replace(SMALL, **{field: value}))


def test_pictures_must_have_enough_of_what_is_asked_for():
    with pytest.raises(ConfigError, match="atoms d = 20 .*half of the patches of enough contrast, 0"):
        natural_codes(SMALL, [np.full((96, 144), 0.5)])
    with pytest.raises(ConfigError, match="block = 24 .*side of 20"):
        natural_codes(SMALL, [painted()[:20]])
    # Steps along one direction span fewer dimensions than there are atoms.
    stripes = np.tile(np.random.default_rng(0).uniform(size=144), (96, 1))
    with pytest.raises(ConfigError, match="atoms d = 20 .*dimensions that the patches vary in"):
        natural_codes(SMALL, [stripes])


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ConfigError, match=r"pip install 'purifyjax\[images\]'"):
        sample_pictures()

"""Sparse codes of patches of photographs: x = M z + ξ with a unitary M that is learned from the pictures.

    x = whitened patch ∈ R^d,   M unitary,   z = argmin ‖z‖₀ such that ‖x − M z‖² ≤ tolerance · ‖x‖²

Patches lose their mean and are divided by their contrast (standard deviation); the d axes of largest variance are
whitened. Lengths still vary fivefold, as texture comes and goes: every patch is divided by its length (divisive
normalisation), and whitened again, since the division changes the covariance. M is found by independent component
analysis, the sparse coder among unitary dictionaries: of all linear codes its are as independent as can be, which is
the kindest case for a theory of independent coordinates. For a unitary M orthogonal matching pursuit is exact: it
takes the largest coordinates of Mᵀx until the rest has at most the tolerated energy. A fixed number of coordinates
would make ‖z‖₀ constant; the tolerance is relative, as an absolute one would give most atoms to the patches of most
contrast.

Sources: Olshausen & Field, Vision Research 37 (1997); Bell & Sejnowski, Vision Research 37 (1997), for independent
components of natural images; Hyvärinen, IEEE Transactions on Neural Networks 10 (1999), for FastICA.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.lib.stride_tricks import sliding_window_view

from purifyjax.data.whitening import Whitening, whitened, whitening_of
from purifyjax.errors import ConfigError, require, require_real
from purifyjax.settings import SEED, TRUTH, Count, Real, Setting, positive, require_settings

_ROWS = 1 << 14  # coded at once
Picture = Float[np.ndarray, "height width"]

_SETTINGS: dict[str, Setting] = {
    "patch": Count(least=2),
    "atoms": Count("d", 2),
    "patches": Count(),
    "fitted": Count(),
    "iterations": Count(),
    "tolerance": Real("a share inside (0, 1)", lambda x: (x > 0) & (x < 1), static=True),
    "contrast": Real("more than 0", positive, static=True),
    "block": Count(),
    "mirrored": TRUTH,
    "seed": SEED,
}


@dataclass(frozen=True)
class NaturalCodes:
    """Which patches are coded, and how.

    Attributes:
      patch: their side, in pixels.
      atoms: d, the number of axes that are kept and of atoms; at most patch² − 1.
      patches: of each half, at most.
      fitted: training patches that M is learned from, at most.
      iterations: of FastICA.
      tolerance: the share of a patch's energy that its code may miss.
      contrast: smallest standard deviation of a patch, for pixels in [0, 1]: smoother ones show the file format's
        noise alone.
      block: side of the squares, in pixels, that belong to training and to evaluation like those of a chessboard; a
        patch lies within one of them, so that the halves share no pixel.
      mirrored: whether the mirror images (left to right) of training patches are training patches too.
      seed: of all random choices.
    """

    patch: int = 18
    atoms: int = 256
    patches: int = 100_000
    fitted: int = 30_000
    iterations: int = 100
    tolerance: float = 0.5
    contrast: float = 0.02
    block: int = 106
    mirrored: bool = True
    seed: int = 0


class Half(NamedTuple):
    """Codes of the patches of one half.

    Attributes:
      codes: z, a row a patch.
      patches: how many they are; the rows after them are their mirror images, in the same order.
      region: which square of which picture each patch comes from.
      apart: whether a patch belongs to a set of which no two overlap; no mirror image does.
      missed: share of each patch's energy that its code misses.
    """

    codes: Float[np.ndarray, "n dim"]
    patches: int
    region: Int[np.ndarray, " n"]
    apart: Bool[np.ndarray, " n"]
    missed: Float[np.ndarray, " n"]


class Coded(NamedTuple):
    """Two halves of the pictures in codes, and what coded them.

    Attributes:
      train, evaluation: the halves; only the first was learned from.
      dictionary: M, unitary: its columns are the atoms, in whitened coordinates.
      whitening: the linear maps before it.
      atoms: the atoms as patterns of pixels, whose whitened patch is the atom (least length).
    """

    train: Half
    evaluation: Half
    dictionary: Float[np.ndarray, "dim dim"]
    whitening: Whitening
    atoms: Float[np.ndarray, "dim patch patch"]


def sample_pictures() -> list[Picture]:
    """The two photographs that scikit-learn ships (a palace and a flower, 427 × 640), in grey, pixels in [0, 1]."""
    try:
        from sklearn.datasets import load_sample_images

        images = load_sample_images().images
    except ImportError as error:
        raise ConfigError(
            "codes of photographs need scikit-learn and pillow, which come with the extra images: "
            "pip install 'purifyjax[images]'"
        ) from error
    return [np.asarray(image, np.float32).mean(axis=2) / 255 for image in images]


def natural_codes(config: NaturalCodes, pictures: Sequence[Picture] | None = None) -> Coded:
    """Code the patches of pictures (by default scikit-learn's two) as the config says.

    Args:
      pictures: grey, pixels in [0, 1].

    Raises:
      ConfigError: a field outside its range, no pictures or unusable ones, or too few patches of enough contrast.
    """
    validate_natural(config)
    from threadpoolctl import threadpool_limits

    pictures = sample_pictures() if pictures is None else [np.asarray(picture) for picture in pictures]
    _require_pictures(pictures, config.block)
    rng = np.random.default_rng(config.seed)
    # Threads gain little on matrices of this size, and wait for one another on shared machines.
    with threadpool_limits(limits=1):
        halves = [_patches(config, pictures, half, rng) for half in (0, 1)]
        whitening = whitening_of(halves[0][0], config.atoms)
        white = [whitened(patches, whitening) for patches, *_ in halves]
        fitted = white[0][rng.permutation(len(white[0]))[: config.fitted]]
        # An atom and its negative are the same atom: which of them is named must not depend on its codes.
        dictionary = _components(fitted, config.iterations).T * rng.choice([-1.0, 1.0], config.atoms)
        dictionary = dictionary.astype(np.float32)
        coded = [encode(x, dictionary, config.tolerance) for x in white]
    train, evaluation = (
        Half(codes, len(codes) // (1 + mirrored), region, apart, missed)
        for (codes, missed), (_, region, apart), mirrored in zip(coded, halves, (config.mirrored, False), strict=True)
    )
    return Coded(train, evaluation, dictionary, whitening, _patterns(dictionary, whitening, config.patch))


def validate_natural(config: NaturalCodes) -> None:
    """Raise `ConfigError` for a field outside its range."""
    require(isinstance(config, NaturalCodes), "codes", config, "NaturalCodes")
    require_settings(config, _SETTINGS)
    most, least = config.patch**2 - 1, 2 * config.atoms
    require(config.atoms <= most, "atoms d", config.atoms, f"2 ≤ d ≤ patch² − 1 = {most}")
    require(config.fitted >= least, "fitted", config.fitted, f"at least 2d = {least}")
    require(config.block >= config.patch, "block", config.block, f"at least the patch's {config.patch} pixels")


def _require_pictures(pictures: Sequence[Picture], block: int) -> None:
    require(len(pictures) >= 1, "number of pictures", len(pictures), "at least 1")
    for index, picture in enumerate(pictures):
        shape = np.shape(picture)
        require(len(shape) == 2, f"shape of pictures[{index}]", shape, "height and width, of a grey picture")
        require_real(f"pictures[{index}]", picture, "finite pixels")
        require(min(shape) >= block, "block", block, f"at most a picture's side of {min(shape)}")


def _patches(
    config: NaturalCodes, pictures: Sequence[Picture], half: int, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "n pixel"], Int[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """Patches of a half with mean 0 and contrast 1, their regions, and which of them lie apart."""
    size, block = config.patch, config.block
    found, regions, places = [], [], []
    for index, picture in enumerate(pictures):
        row, column = np.indices([side - size + 1 for side in picture.shape])
        inside = (row % block + size <= block) & (column % block + size <= block)
        inside &= (row // block + column // block) % 2 == half
        row, column = row[inside], column[inside]
        windows = sliding_window_view(np.asarray(picture, np.float32), (size, size))[inside]
        rich = windows.std(axis=(1, 2)) >= config.contrast
        squares = -(-picture.shape[1] // block)
        found.append(windows[rich])
        regions.append(np.full(rich.sum(), index * 10_000) + ((row // block) * squares + column // block)[rich])
        places.append(((row % block % size == 0) & (column % block % size == 0))[rich])
    windows, region, apart = (np.concatenate(part) for part in (found, regions, places))
    chosen = rng.permutation(len(windows))[: config.patches]
    allowed = f"at most half of the patches of enough contrast, {len(windows)} in this half of the pictures"
    require(len(chosen) >= 2 * config.atoms, "atoms d", config.atoms, allowed)
    windows, region, apart = windows[chosen], region[chosen], apart[chosen]
    if config.mirrored and half == 0:
        windows = np.concatenate([windows, windows[:, :, ::-1]])
        region, apart = np.tile(region, 2), np.concatenate([apart, np.zeros_like(apart)])
    flat = windows.reshape(len(windows), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return flat / flat.std(axis=1, keepdims=True), region, apart


def _components(rows: Float[np.ndarray, "n dim"], iterations: int) -> Float[np.ndarray, "dim dim"]:
    """Independent components of white rows, one a row: orthonormal."""
    from sklearn.decomposition import FastICA
    from sklearn.exceptions import ConvergenceWarning

    d = rows.shape[1]
    # From the principal axes, which are sparser than random ones.
    options: dict[str, Any] = {"whiten": False, "w_init": np.eye(d, dtype=rows.dtype)}
    solver = FastICA(max_iter=iterations, tol=1e-3, **options)
    with warnings.catch_warnings():
        # The last iterations move the sparsity of the codes by about a per cent: a limit on them is meant.
        warnings.simplefilter("ignore", ConvergenceWarning)
        solver.fit(rows)
    return solver.components_


def encode(
    rows: Float[np.ndarray, "n dim"], dictionary: Float[np.ndarray, "dim dim"], tolerance: float
) -> tuple[Float[np.ndarray, "n dim"], Float[np.ndarray, " n"]]:
    """The sparsest z with ‖x − M z‖² ≤ tolerance · ‖x‖² for every row x, and the share of ‖x‖² that it misses.

    M must be unitary: the largest coordinates of Mᵀx are then the best, as orthogonal matching pursuit finds them.
    """
    codes, missed = [], []
    for start in range(0, max(len(rows), 1), _ROWS):  # no rows are coded once, as nothing
        z = rows[start : start + _ROWS] @ dictionary
        energy = np.sort(np.square(z), axis=1)[:, ::-1]
        taken = np.cumsum(energy, axis=1, dtype=np.float64)
        total = taken[:, -1:]
        last = np.minimum(np.sum(total - taken > tolerance * total, axis=1), z.shape[1] - 1)[:, None]
        codes.append(np.where(np.square(z) >= np.take_along_axis(energy, last, 1), z, 0))
        missed.append(1.0 - (np.take_along_axis(taken, last, 1) / np.maximum(total, 1e-30))[:, 0])
    return np.concatenate(codes), np.concatenate(missed)


def _patterns(
    dictionary: Float[np.ndarray, "dim dim"], whitening: Whitening, patch: int
) -> Float[np.ndarray, "dim patch patch"]:
    back = np.linalg.inv(whitening.second) @ np.linalg.pinv(whitening.first)
    return (dictionary.T @ back).reshape(-1, patch, patch)

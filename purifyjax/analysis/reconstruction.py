"""How few of a network's first-layer filters rebuild an image: sparse reconstruction by orthogonal matching pursuit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from purifyjax.errors import require, require_count, require_real
from purifyjax.settings import not_negative, real_array

_MOST_ENTRIES = 2**28  # of a dictionary: two gigabytes
_MOST_PRODUCTS = 2**24  # atoms times images at once
_VANISHING = 1e-9  # of a norm: less is rounding


def reconstruction_errors(
    signals: Float[np.ndarray, "n height width c"],
    filters: Float[np.ndarray, "f size*size*c"],
    size: int,
    atoms: Sequence[int],
) -> Float[np.ndarray, "n count"]:
    """‖x − x_s‖₂/‖x‖₂, x_s the image x rebuilt from s atoms of `dictionary` by orthogonal matching pursuit.

    The pursuit takes the atom that correlates most with what is left of the image, projects what is left off all that
    were taken, and so on: x_s is the best approximation of x by its s atoms. Where nothing is left, or no atom
    correlates with it, the error stays. A zero image needs no atoms: its error is 0.

    Args:
      signals: images or perturbations; their scale does not matter.
      filters, size: as for `dictionary`.
      atoms: the numbers s, in any order; 0 gives an error of 1.

    Raises:
      ConfigError: as of `dictionary`; negative numbers of atoms or none at all, or signals that are not finite.

    Source: Pati, Rezaiifar & Krishnaprasad, Orthogonal Matching Pursuit (1993). That robust nets rebuild images
    sparsely from their filters and clean nets densely is a statement of Allen-Zhu & Li, arXiv 2005.10190; the recipe
    is this project's.
    """
    images = real_array("signals", signals)
    require(images.ndim == 4, "shape of the signals", images.shape, "(n, height, width, channels)")
    require(len(atoms), "numbers of atoms", list(atoms), "whole numbers s ≥ 0, at least one")
    for number in atoms:
        require_count("number of atoms", number, 0)
    require(np.isfinite(images).all(), "signals", "NaN or infinite", "finite values")
    height, width, channels = images.shape[1:]
    every = dictionary(filters, size, (height, width, channels))
    rows = images.reshape(len(images), height * width * channels)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = rows / np.where(norms > 0, norms, 1.0)
    chunks = np.array_split(rows, max(1, -(-len(rows) * len(every) // _MOST_PRODUCTS)))
    return np.concatenate([_pursuit(every, chunk, max(atoms)) for chunk in chunks])[:, list(atoms)]


def dictionary(
    filters: Float[np.ndarray, "f size*size*c"], size: int, shape: tuple[int, int, int]
) -> Float[np.ndarray, "atom height*width*c"]:
    """Every filter at every position of an image, in rows of norm 1.

    The atom of a filter at a pixel is what its response there correlates the image with: the filter laid over the
    neighbourhood of the pixel, as in `purifyjax.models.conv.neighbourhoods`, and cut at the border, beyond which those
    are zero (padding SAME). Zero filters, and cuts that leave nothing, are no atoms.

    Args:
      filters: in rows, entries by row and column of the neighbourhood, then channel.
      size: k, side of the neighbourhood, an odd number.
      shape: height, width and channels of an image.

    Raises:
      ConfigError: an even size, rows of another length than k · k · channels, values that are not finite, or more than
        2^28 entries.
    """
    height, width, channels = shape
    require_count("size of the filters", size)
    require(size % 2 == 1, "size of the filters", size, "odd and positive")
    rows, length = real_array("filters", filters), size * size * channels
    require(rows.ndim == 2 and rows.shape[1] == length, "shape of the filters", rows.shape, f"rows of {length} entries")
    require(np.isfinite(rows).all(), "filters", "NaN or infinite", "finite values")
    entries = len(rows) * (height * width) ** 2 * channels
    require(entries <= _MOST_ENTRIES, "entries of the dictionary", entries, f"at most {_MOST_ENTRIES}: fewer filters")
    scales = np.linalg.norm(rows, axis=1)
    kernels = (rows[scales > 0] / scales[scales > 0, None]).reshape(-1, size, size, channels)
    border = size // 2
    padded = np.zeros((len(kernels), height, width, height + size - 1, width + size - 1, channels))
    for i in range(height):
        for j in range(width):
            padded[:, i, j, i : i + size, j : j + size] = kernels
    atoms = padded[..., border : border + height, border : border + width, :].reshape(-1, height * width * channels)
    norms = np.linalg.norm(atoms, axis=1)
    return atoms[norms > _VANISHING] / norms[norms > _VANISHING, None]


def atoms_needed(
    errors: Float[np.ndarray, "n count"], atoms: Sequence[int], tolerance: float
) -> Float[np.ndarray, " n"]:
    """The smallest of the numbers of atoms with an error of at most `tolerance`, infinite where there is none.

    Raises:
      ConfigError: not one number of atoms a column of errors, or a tolerance that is no number ≥ 0.
    """
    require_real("tolerance", tolerance, "at least 0", not_negative)
    found = real_array("errors", errors)
    fits = found.ndim == 2 and found.shape[1] == len(atoms) >= 1
    require(fits, "shape of the errors", found.shape, f"(n, {len(atoms)}), a column a number of atoms; at least one")
    return np.min(np.where(found <= tolerance, np.asarray(atoms, np.float64), np.inf), axis=1)


def _pursuit(
    atoms: Float[np.ndarray, "atom dim"], rows: Float[np.ndarray, "n dim"], most: int
) -> Float[np.ndarray, "n most+1"]:
    """‖x − x_s‖ of all rows at once for s = 0 … `most`.

    scikit-learn's `orthogonal_mp` ends early: it stops at an atom that correlates with what is left, but not with the
    whole row. Its `orthogonal_mp_gram` copies the Gram matrix of the atoms for every row, gigabytes for images of
    28 × 28.
    """
    left = rows
    basis = np.zeros((len(rows), 0, rows.shape[1]))  # orthonormal, of the atoms taken
    errors = [np.linalg.norm(left, axis=1)]
    for _ in range(most):
        if len(atoms) and np.max(errors[-1], initial=0.0) > _VANISHING:
            new = atoms[np.argmax(np.abs(left @ atoms.T), axis=1)]
            for _ in "12":  # once more, for the rounding of the first time
                new = new - ((basis @ new[:, :, None]) * basis).sum(axis=1)
            size = np.linalg.norm(new, axis=1, keepdims=True)
            # What depends on the atoms taken is rounding: it adds no direction.
            new = np.where(size > _VANISHING, new / np.maximum(size, _VANISHING), 0.0)
            left = left - new * np.sum(new * left, axis=1, keepdims=True)
            basis = np.concatenate([basis, new[:, None]], axis=1)
        errors.append(np.linalg.norm(left, axis=1))
    return np.stack(errors, axis=1)

"""Robust and non-robust components of real images, estimated from labelled images alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from purifyjax.errors import require, require_real
from purifyjax.settings import not_negative, real_array


class Components(NamedTuple):
    """An orthonormal basis of principal axes, split into few strong ones and many weak ones.

    Attributes:
      mean: μ, of the training images.
      robust_axes: those with A_j > τ, strongest first.
      nonrobust_axes: all others; both together are a basis.
      robust_amplitudes, nonrobust_amplitudes: their A_j.
      threshold: τ.
    """

    mean: Float[np.ndarray, " dim"]
    robust_axes: Float[np.ndarray, "r dim"]
    nonrobust_axes: Float[np.ndarray, "dim-r dim"]
    robust_amplitudes: Float[np.ndarray, " r"]
    nonrobust_amplitudes: Float[np.ndarray, " dim-r"]
    threshold: float

    def robust_part(self, x: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, "n dim"]:
        """μ + Σ ⟨x − μ, e_j⟩ e_j over the robust axes."""
        return self.mean + _project(x - self.mean, self.robust_axes)

    def nonrobust_part(self, x: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, "n dim"]:
        """μ + Σ ⟨x − μ, e_j⟩ e_j over all other axes; the two parts sum to x + μ."""
        # Less than half of the axes are robust in every use: take them off rather than sum up the others.
        return x - _project(x - self.mean, self.robust_axes)


def components(x: Float[np.ndarray, "n dim"], y: Int[np.ndarray, " n"], threshold: float | None = None) -> Components:
    """Split the principal axes of the images by how strongly they carry the classes.

    With e_j the principal axes of x (eigenvectors of its covariance), μ and μ_c the means of all images and of class c,

        a_cj = ⟨μ_c − μ, e_j⟩,    A_j = (mean over c of a_cj²)^{1/2},

    an axis is robust if A_j > τ. A perturbation of ℓ2 norm |a_cj| along e_j takes away what class c shows there on
    average, so that A_j is the strength of the axis against ℓ2 perturbations, as α and β are those of the features in
    patch data.

    This is the project's own estimate. The words that it follows, robust features "strong but sparse" and non-robust
    ones "weak but dense", are of Li & Li, arXiv 2410.08503, who give no recipe for images.

    Args:
      x, y: training images in rows, and their classes.
      threshold: τ in the units of x. None lies between the two strongest axes between which the share of class energy
        Σ A_j² held by the axes down to there comes closest to one half, so that neither part carries more than the
        other.

    Raises:
      ConfigError: images that are not finite or not one a label, fewer than two classes, a negative threshold, or one
        that leaves a part without any axis.
    """
    rows = real_array("x", x)
    require(rows.ndim == 2 and np.shape(y) == rows.shape[:1], "shapes", (rows.shape, np.shape(y)), "(n, dim) and (n,)")
    require_real("x", rows, "finite numbers")
    require(len(np.unique(y)) >= 2, "classes", len(np.unique(y)), "at least two, to tell them apart")
    if threshold is not None:
        require_real("threshold τ", threshold, "τ ≥ 0", not_negative)
    mean = rows.mean(axis=0)
    centred = rows - mean
    axes = np.linalg.eigh(centred.T @ centred)[1].T
    means = np.stack([centred[y == c].mean(axis=0) for c in np.unique(y)])
    amplitude = np.sqrt(np.mean((means @ axes.T) ** 2, axis=0))
    order = np.argsort(-amplitude, kind="stable")
    axes, amplitude = axes[order], amplitude[order]
    if threshold is None:
        share = np.cumsum(amplitude**2)[:-1] / np.sum(amplitude**2)
        last = int(np.argmin(np.abs(share - 0.5)))
        threshold = float(amplitude[last : last + 2].mean())
    robust = int(np.sum(amplitude > threshold))
    allowed = f"between the weakest and the strongest axis, {amplitude[-1]:.3g} ≤ τ < {amplitude[0]:.3g}"
    require(0 < robust < len(axes), "threshold τ", threshold, allowed)
    parts = (axes[:robust], axes[robust:], amplitude[:robust], amplitude[robust:])
    return Components(*(part.astype(np.float32) for part in (mean, *parts)), threshold=threshold)


def _project(rows: Float[np.ndarray, "n dim"], axes: Float[np.ndarray, "r dim"]) -> Float[np.ndarray, "n dim"]:
    return (rows @ axes.T) @ axes

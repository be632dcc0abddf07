"""Networks and simpler classes as Flax linen modules, so that parameters are plain pytrees; kernels of wide ones."""

from purifyjax.models.kernels import Kernel, feature_kernel, kernel_margin, kernel_ridge, tangent_kernel
from purifyjax.models.lazy import RandomFeatures, TangentKernel
from purifyjax.models.linear import Linear
from purifyjax.models.margin import Params, class_margin, margin, output
from purifyjax.models.patch_cnn import PatchCNN, smoothed_relu
from purifyjax.models.polynomial import Polynomial, SymmetricPolynomial, power_sum_terms
from purifyjax.models.symmetric_relu import SymmetricReLU, expected_relu

__all__ = [
    "Kernel",
    "Linear",
    "Params",
    "PatchCNN",
    "Polynomial",
    "RandomFeatures",
    "SymmetricPolynomial",
    "SymmetricReLU",
    "TangentKernel",
    "class_margin",
    "expected_relu",
    "feature_kernel",
    "kernel_margin",
    "kernel_ridge",
    "margin",
    "output",
    "power_sum_terms",
    "smoothed_relu",
    "tangent_kernel",
]

"""Networks and simpler classes as Flax linen modules, so that parameters are plain pytrees; kernels of wide ones."""

from purifyjax.models.conv import ConvNet, alexnet_like, mnist_net
from purifyjax.models.filters import filters
from purifyjax.models.kernels import Kernel, feature_kernel, kernel_margin, kernel_ridge, tangent_kernel
from purifyjax.models.lazy import RandomFeatures, TangentKernel
from purifyjax.models.linear import Linear
from purifyjax.models.margin import NetMargin, Params, margin, output
from purifyjax.models.patch_cnn import PatchCNN, smoothed_relu
from purifyjax.models.polynomial import (
    CoordinatePolynomial,
    Polynomial,
    SymmetricPolynomial,
    odd_polynomial,
    power_sum_terms,
)
from purifyjax.models.resnet import ResNet
from purifyjax.models.symmetric_relu import SymmetricReLU, expected_relu

__all__ = [
    "ConvNet",
    "CoordinatePolynomial",
    "Kernel",
    "Linear",
    "NetMargin",
    "Params",
    "PatchCNN",
    "Polynomial",
    "RandomFeatures",
    "ResNet",
    "SymmetricPolynomial",
    "SymmetricReLU",
    "TangentKernel",
    "alexnet_like",
    "expected_relu",
    "feature_kernel",
    "filters",
    "kernel_margin",
    "kernel_ridge",
    "margin",
    "mnist_net",
    "odd_polynomial",
    "output",
    "power_sum_terms",
    "smoothed_relu",
    "tangent_kernel",
]

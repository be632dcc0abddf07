"""Sound lower bounds of the margin y f(x + δ) over a norm ball, randomised smoothing for comparison, and upper bounds
of the robust accuracy of whole classes."""

from purifyjax.certify.branch import Certificate, certify
from purifyjax.certify.linear import crown, interval, lipschitz
from purifyjax.certify.linear_class import (
    LinearCandidate,
    LinearClassBound,
    best_robust_linear,
    linear_class_bound,
    linear_robust_margin,
)
from purifyjax.certify.network import Network, prepare
from purifyjax.certify.patches import patch_margin
from purifyjax.certify.separable import Histogram, histogram, separable_estimate, separable_margin
from purifyjax.certify.smoothing import Smoothed, smoothed_radius

__all__ = [
    "Certificate",
    "Histogram",
    "LinearCandidate",
    "LinearClassBound",
    "Network",
    "Smoothed",
    "best_robust_linear",
    "certify",
    "crown",
    "histogram",
    "interval",
    "linear_class_bound",
    "linear_robust_margin",
    "lipschitz",
    "patch_margin",
    "prepare",
    "separable_estimate",
    "separable_margin",
    "smoothed_radius",
]

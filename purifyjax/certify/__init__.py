"""Sound lower bounds of the margin y f(x + δ) over a norm ball, and randomised smoothing for comparison."""

from purifyjax.certify.branch import Certificate, certify
from purifyjax.certify.linear import crown, interval, lipschitz
from purifyjax.certify.network import Network, prepare
from purifyjax.certify.smoothing import Smoothed, smoothed_radius

__all__ = [
    "Certificate",
    "Network",
    "Smoothed",
    "certify",
    "crown",
    "interval",
    "lipschitz",
    "prepare",
    "smoothed_radius",
]

"""Networks as Flax linen modules, so that parameters are plain pytrees."""

from purifyjax.models.symmetric_relu import SymmetricReLU, expected_relu, margin, output

__all__ = ["SymmetricReLU", "expected_relu", "margin", "output"]

"""Distributions to learn from: `sample(key, n, config) -> Batch`."""

from purifyjax.data.code_assumptions import Assumptions, assumptions
from purifyjax.data.coding import Batch, Instance, SparseCoding, TabulatedCoding
from purifyjax.data.natural import Coded, NaturalCodes, natural_codes, validate_natural
from purifyjax.data.patches import (
    PatchBatch,
    Patches,
    PatchFeatures,
    patch_features,
    sample_patches,
    validate_patches,
)
from purifyjax.data.sparse_coding import (
    acceptance_rate,
    instance,
    label_std,
    sample,
    second_moment,
    validate,
)
from purifyjax.data.tables import CodeTable

__all__ = [
    "Assumptions",
    "Batch",
    "CodeTable",
    "Coded",
    "Instance",
    "NaturalCodes",
    "PatchBatch",
    "PatchFeatures",
    "Patches",
    "SparseCoding",
    "TabulatedCoding",
    "acceptance_rate",
    "assumptions",
    "instance",
    "label_std",
    "natural_codes",
    "patch_features",
    "sample",
    "sample_patches",
    "second_moment",
    "validate",
    "validate_natural",
    "validate_patches",
]

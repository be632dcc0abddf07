"""Distributions to learn from: `sample(key, n, config) -> Batch`."""

from purifyjax.data.patches import (
    PatchBatch,
    Patches,
    PatchFeatures,
    patch_features,
    sample_patches,
    validate_patches,
)
from purifyjax.data.sparse_coding import (
    Batch,
    Instance,
    SparseCoding,
    acceptance_rate,
    instance,
    label_std,
    sample,
    second_moment,
    validate,
)

__all__ = [
    "Batch",
    "Instance",
    "PatchBatch",
    "PatchFeatures",
    "Patches",
    "SparseCoding",
    "acceptance_rate",
    "instance",
    "label_std",
    "patch_features",
    "sample",
    "sample_patches",
    "second_moment",
    "validate",
    "validate_patches",
]

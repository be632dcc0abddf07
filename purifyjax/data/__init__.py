"""Distributions to learn from: `sample(key, n, config) -> Batch`."""

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
    "SparseCoding",
    "acceptance_rate",
    "instance",
    "label_std",
    "sample",
    "second_moment",
    "validate",
]

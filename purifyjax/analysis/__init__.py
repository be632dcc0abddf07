"""What weights and perturbations are made of: decomposition, mixtures, purity, coverage, sparsity."""

from purifyjax.analysis.decomposition import Decomposition, absolute_cosine, decompose
from purifyjax.analysis.features import Features, coverage, features, firing_rate
from purifyjax.analysis.sparsity import participation_ratio

__all__ = [
    "Decomposition",
    "Features",
    "absolute_cosine",
    "coverage",
    "decompose",
    "features",
    "firing_rate",
    "participation_ratio",
]

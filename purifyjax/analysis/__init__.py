"""What weights and perturbations are made of: decomposition, mixtures, purity, coverage, sparsity."""

from purifyjax.analysis.decomposition import Decomposition, absolute_cosine, decompose
from purifyjax.analysis.features import Features, alignment, coverage, features, firing_rate
from purifyjax.analysis.race import critical_strength, injection_ratio
from purifyjax.analysis.sparsity import participation_ratio

__all__ = [
    "Decomposition",
    "Features",
    "absolute_cosine",
    "alignment",
    "coverage",
    "critical_strength",
    "decompose",
    "features",
    "firing_rate",
    "injection_ratio",
    "participation_ratio",
]

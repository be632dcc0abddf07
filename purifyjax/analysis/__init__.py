"""What the weights are made of: decomposition, dense mixtures, purity, coverage, live neurons."""

from purifyjax.analysis.decomposition import Decomposition, absolute_cosine, decompose
from purifyjax.analysis.features import Features, coverage, features, firing_rate

__all__ = [
    "Decomposition",
    "Features",
    "absolute_cosine",
    "coverage",
    "decompose",
    "features",
    "firing_rate",
]

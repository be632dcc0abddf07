"""What weights and perturbations are made of: decomposition, mixtures, purity, coverage, sparsity, angles."""

from purifyjax.analysis.angles import angles
from purifyjax.analysis.decomposition import Decomposition, absolute_cosine, decompose
from purifyjax.analysis.features import Features, alignment, coverage, features, firing_rate
from purifyjax.analysis.maximisers import maximising_inputs
from purifyjax.analysis.race import critical_strength, injection_ratio
from purifyjax.analysis.reconstruction import atoms_needed, dictionary, reconstruction_errors
from purifyjax.analysis.selectivity import Firing, firing
from purifyjax.analysis.sparsity import participation_ratio
from purifyjax.analysis.surgery import dense_part, dense_size, own_feature

__all__ = [
    "Decomposition",
    "Features",
    "Firing",
    "absolute_cosine",
    "alignment",
    "angles",
    "atoms_needed",
    "coverage",
    "critical_strength",
    "decompose",
    "dense_part",
    "dense_size",
    "dictionary",
    "features",
    "firing",
    "firing_rate",
    "injection_ratio",
    "maximising_inputs",
    "own_feature",
    "participation_ratio",
    "reconstruction_errors",
]

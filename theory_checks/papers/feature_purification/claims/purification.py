"""purification: the mixture goes, the feature stays."""

from theory_checks.claim import Claim
from theory_checks.measuring.neurons import absolute_mixture_fall, feature_kept, mixture_fall, purer
from theory_checks.papers.feature_purification.figures import NEURON

CLAIM = Claim(
    id="purification",
    title="Adversarial training removes the mixture and keeps the feature",
    statement="Under adversarial training the dense coefficient shrinks while the component along M_j survives.",
    source=(
        "Allen-Zhu & Li, Feature Purification (arXiv 2005.10190), overview; the tenfold fall of C and the fivefold "
        "one of the mixture itself are our bounds"
    ),
    refuted_by="dense coefficients above a tenth of their clean values, or features lost",
    measure=lambda e: (mixture_fall(e), absolute_mixture_fall(e), purer(e), feature_kept(e)),
    figures=(NEURON,),
)

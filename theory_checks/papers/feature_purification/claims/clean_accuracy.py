"""clean-accuracy: clean training learns the concept class."""

from theory_checks.claim import Claim
from theory_checks.papers.feature_purification.figures import TRAINING_CURVES
from theory_checks.quantities import accuracy

CLAIM = Claim(
    id="clean-accuracy",
    title="Clean training reaches clean accuracy above 99%",
    statement="After clean training by gradient descent, the network's clean accuracy is 1 − o(1).",
    source="Allen-Zhu & Li, Feature Purification (arXiv 2005.10190), main theorem, clean part",
    refuted_by="clean accuracy below 99% on fresh points, for every seed",
    measure=lambda e: (accuracy(e, "clean", "none", ">=", 0.99),),
    figures=(TRAINING_CURVES,),
)

"""Attacks on a margin y f(x): records that serve evaluation and training; critical radii; the worst case of several."""

from purifyjax.attacks.apgd import APGD, apgd
from purifyjax.attacks.attack import Attack, Attacked
from purifyjax.attacks.diagnostics import Finding, in_words, winners
from purifyjax.attacks.directions import (
    Along,
    BetweenClasses,
    Noise,
    TowardsClasses,
    Transferred,
    noise,
    universal,
)
from purifyjax.attacks.gradient import FGM, PGD, distant_start, fgm, pgd
from purifyjax.attacks.minimal_norm import MinimalNorm, minimal_norm
from purifyjax.attacks.profiles import CoordinateProfiles
from purifyjax.attacks.smoothing import NoisyMargin, averaged
from purifyjax.attacks.square import Square, square
from purifyjax.attacks.suite import standard
from purifyjax.attacks.worst_case import WorstCase, worst_case

__all__ = [
    "APGD",
    "FGM",
    "PGD",
    "Along",
    "Attack",
    "Attacked",
    "BetweenClasses",
    "CoordinateProfiles",
    "Finding",
    "MinimalNorm",
    "Noise",
    "NoisyMargin",
    "Square",
    "TowardsClasses",
    "Transferred",
    "WorstCase",
    "apgd",
    "averaged",
    "distant_start",
    "fgm",
    "in_words",
    "minimal_norm",
    "noise",
    "pgd",
    "square",
    "standard",
    "universal",
    "winners",
    "worst_case",
]

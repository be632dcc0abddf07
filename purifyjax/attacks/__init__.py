"""Attacks on a margin y f(x): norm balls, gradient attacks and others, critical radii, their worst case."""

from purifyjax.attacks.apgd import apgd
from purifyjax.attacks.balls import Ball
from purifyjax.attacks.diagnostics import winners
from purifyjax.attacks.directions import along, between_classes, noise, towards_classes, transferred, universal
from purifyjax.attacks.gradient import Attack, Attacked, Margin, distant_start, fgm, pgd
from purifyjax.attacks.minimal_norm import MinimalNorm, minimal_norm
from purifyjax.attacks.smoothing import NoisyMargin, averaged
from purifyjax.attacks.square import square
from purifyjax.attacks.suite import GRADIENT_FREE, standard
from purifyjax.attacks.worst_case import WorstCase, worst_case

__all__ = [
    "GRADIENT_FREE",
    "Attack",
    "Attacked",
    "Ball",
    "Margin",
    "MinimalNorm",
    "NoisyMargin",
    "WorstCase",
    "along",
    "apgd",
    "averaged",
    "between_classes",
    "distant_start",
    "fgm",
    "minimal_norm",
    "noise",
    "pgd",
    "square",
    "standard",
    "towards_classes",
    "transferred",
    "universal",
    "winners",
    "worst_case",
]

"""Attacks on a margin y f(x): norm balls, gradient attacks, fixed directions and their worst case."""

from purifyjax.attacks.balls import Ball
from purifyjax.attacks.directions import noise, universal
from purifyjax.attacks.gradient import Attacked, fgm, pgd
from purifyjax.attacks.worst_case import WorstCase, worst_case

__all__ = ["Attacked", "Ball", "WorstCase", "fgm", "noise", "pgd", "universal", "worst_case"]

"""The named experiments that claims share, by profile."""

from theory_checks.experiments.profiles import PROFILES, Classes, Experiment, Profile, profile

__all__ = ["PROFILES", "Classes", "Experiment", "Profile", "profile"]

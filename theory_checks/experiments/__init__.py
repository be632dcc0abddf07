"""The named experiments that claims share, by profile."""

from theory_checks.experiments.profiles import PROFILES, Experiment, Profile, profile

__all__ = ["PROFILES", "Experiment", "Profile", "profile"]

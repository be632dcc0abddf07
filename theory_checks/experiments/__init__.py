"""The named experiments that claims share, by profile."""

from theory_checks.experiments.patches import PatchTask, Race, patch_task
from theory_checks.experiments.profiles import PROFILES, Classes, Experiment, Profile, profile

__all__ = ["PROFILES", "Classes", "Experiment", "PatchTask", "Profile", "Race", "patch_task", "profile"]

"""The named experiments that claims share, by profile."""

from theory_checks.experiments.images import ImageTask, Net, image_tasks
from theory_checks.experiments.low_rank import LowRank
from theory_checks.experiments.natural import NaturalTask
from theory_checks.experiments.patches import PatchTask, Race, patch_task
from theory_checks.experiments.profiles import PROFILES, Classes, Experiment, Profile, profile

__all__ = [
    "PROFILES",
    "Classes",
    "Experiment",
    "ImageTask",
    "LowRank",
    "NaturalTask",
    "Net",
    "PatchTask",
    "Profile",
    "Race",
    "image_tasks",
    "patch_task",
    "profile",
]

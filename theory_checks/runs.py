"""How every experiment of a profile is run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from theory_checks.evidence import Evidence
from theory_checks.experiments import Profile
from theory_checks.run import class_evidence, evidence
from theory_checks.run_images import image_evidence
from theory_checks.run_low_rank import low_rank_evidence
from theory_checks.run_natural import natural_evidence
from theory_checks.run_patches import patch_evidence, race_evidence

Run = Callable[[], Evidence]


def runs(profile: Profile, seeds: np.ndarray, out: Path, resume: bool) -> dict[str, Run]:
    """By experiment, a function that trains and measures it, or reads what is stored of it under `out`."""
    where = (seeds, out, resume)
    found: dict[str, Run] = {e.name: partial(evidence, profile, e, *where) for e in profile.experiments}
    found["classes"] = partial(class_evidence, profile, *where)
    found |= {task.name: partial(patch_evidence, task, *where) for task in profile.patches}
    found["race"] = partial(race_evidence, profile.race, *where)
    found |= {task.name: partial(image_evidence, task, *where) for task in profile.images}
    found[profile.low_rank.name] = partial(low_rank_evidence, profile.low_rank, *where)
    found[profile.natural.name] = partial(natural_evidence, profile.natural, *where)
    return found

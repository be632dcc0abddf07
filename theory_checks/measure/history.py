"""What is known without attacking: the settings of a run and its way through training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from purifyjax.data import label_std, second_moment
from purifyjax.sweep.store import describe
from theory_checks.experiments import Experiment, Profile
from theory_checks.measure.networks import NETS, Arrays


def history(experiment: Experiment, seeds: np.ndarray, arrays: Arrays) -> pd.DataFrame:
    """Loss and accuracies through both stages, a row a seed and logged step."""
    frames, offset = [], 0
    for net in NETS:
        step = arrays[f"history_{net}_step"]
        for s, seed in enumerate(seeds):
            frames.append(
                pd.DataFrame(
                    {
                        "experiment": experiment.name,
                        "seed": int(seed),
                        "stage": net,
                        "step": step + offset,
                        "loss": arrays[f"history_{net}_loss"][:, s],
                        "clean_accuracy": arrays[f"history_{net}_clean_accuracy"][:, s],
                        "robust_accuracy": arrays[f"history_{net}_robust_accuracy"][:, s],
                    }
                )
            )
        offset += int(step[-1]) if len(step) else 0
    return pd.concat(frames, ignore_index=True)


def settings(profile: Profile, experiment: Experiment, seeds: np.ndarray) -> dict[str, Any]:
    """The experiment's config as plain values, with the numbers that readers need beside it."""
    data = experiment.training.data
    return {
        "profile": profile.name,
        "norm": experiment.norm,
        "radius": experiment.radius,
        "monitored_radius": experiment.monitored_radius,
        "seeds": [int(s) for s in seeds],
        "points": profile.points,
        "label_std": label_std(data),
        "code_second_moment": float(second_moment(data)),
        "training": describe(experiment.training),
    }

"""Statistics of single neurons, before and after adversarial training."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd

from purifyjax.analysis import absolute_cosine, features, firing_rate
from purifyjax.data import instance
from theory_checks.experiments import Experiment
from theory_checks.measure.networks import NETS, Arrays, fresh_points

LIVE_RATE = 1e-3  # a neuron is live if it fires on at least one point in a thousand


def neurons(experiment: Experiment, seeds: np.ndarray, arrays: Arrays) -> pd.DataFrame:
    """Statistics of every neuron before and after adversarial training."""
    data = experiment.training.data
    fixed = instance(data)
    x, _ = fresh_points(jnp.asarray(seeds), 4096, data, 2)
    frames = []
    for s, seed in enumerate(seeds):
        w = {net: jnp.asarray(arrays[f"w_{net}"][s]) for net in ("init", *NETS)}
        columns: dict[str, Any] = {
            "experiment": experiment.name,
            "seed": int(seed),
            "neuron": np.arange(experiment.training.neurons),
            "cos_init_clean": absolute_cosine(w["clean"], w["init"]),
            "cos_init_robust": absolute_cosine(w["robust"], w["init"]),
            "cos_clean_robust": absolute_cosine(w["clean"], w["robust"]),
            "norm_init": jnp.linalg.norm(w["init"], axis=1),
        }
        for net in NETS:
            rate = firing_rate(w[net], jnp.asarray(arrays[f"b_{net}"][s]), x[s])
            found = features(fixed.to_code(w[net]), fixed.label_weights, data.sparsity)
            columns |= {
                f"live_{net}": rate >= LIVE_RATE,
                f"firing_{net}": rate,
                f"norm_{net}": jnp.linalg.norm(w[net], axis=1),
                f"feature_{net}": found.feature,
                f"purity_{net}": found.purity,
                f"mixture_{net}": found.mixture,
                f"mixture_error_{net}": found.mixture_error,
            }
        frames.append(pd.DataFrame({n: v if isinstance(v, str | int) else np.asarray(v) for n, v in columns.items()}))
    return pd.concat(frames, ignore_index=True)


def coordinates(experiment: Experiment, seeds: np.ndarray, arrays: Arrays, table: pd.DataFrame) -> pd.DataFrame:
    """One typical neuron a seed in the dictionary basis: the live one of median |cos(w, w')|."""
    fixed = instance(experiment.training.data)
    frames = []
    for s, seed in enumerate(seeds):
        rows = table[(table.seed == seed) & table.live_clean & table.live_robust]
        if rows.empty:
            continue
        typical = (rows.cos_clean_robust - rows.cos_clean_robust.median()).abs().idxmin()
        neuron = int(rows.neuron.loc[typical])
        values = {net: np.asarray(fixed.to_code(jnp.asarray(arrays[f"w_{net}"][s, neuron]))) for net in ("init", *NETS)}
        coordinate = np.arange(len(values["init"]))
        frames.append(
            pd.DataFrame(
                {
                    "experiment": experiment.name,
                    "seed": int(seed),
                    "neuron": neuron,
                    "coordinate": coordinate,
                    **values,
                }
            )
        )
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["experiment", "seed", "neuron"])

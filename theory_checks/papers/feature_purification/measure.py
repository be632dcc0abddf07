"""From trained nets to tables: history, an example neuron, certificates; attacks are in their own modules."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pandas as pd

from purifyjax.data import instance
from purifyjax.seeds import over_seeds
from theory_checks.experiment import Nets, Seeds
from theory_checks.measuring.monitor import middle_neuron
from theory_checks.measuring.points import instance_of
from theory_checks.measuring.two_layer import NETS
from theory_checks.papers.feature_purification.config import PurificationConfig
from theory_checks.papers.feature_purification.tables import COORDINATES, HISTORY

_LOGGED = ("loss", "clean_accuracy", "robust_accuracy")
_MIDDLE = ("mixture", "dense", "feature")


def history(config: PurificationConfig, seeds: Seeds, initial: np.ndarray, nets: Nets) -> pd.DataFrame:
    """Loss, accuracies and mixtures through both stages: a row a seed and logged step, and one for w⁰."""
    data = config.training.data
    middle = over_seeds(middle_neuron, (jnp.asarray(initial),), instance_of(data), data.sparsity)
    start = pd.DataFrame({name: np.asarray(values) for name, values in middle.items()})
    start = start.assign(experiment=config.name, seed=seeds, stage="clean", step=0)
    frames, offset = [start.reindex(columns=list(HISTORY.columns))], 0
    for net in NETS:
        found = nets[net]
        for s, seed in enumerate(seeds):
            step = found["history_step"][s]
            columns = {name: found[f"history_{name}"][s] for name in (*_LOGGED, *_MIDDLE)}
            head = {"experiment": config.name, "seed": int(seed), "stage": net, "step": step + offset}
            frames.append(pd.DataFrame(head | columns))
        offset += int(found["history_step"].max(initial=0))
    return HISTORY.checked(pd.concat(frames, ignore_index=True))


def coordinates(
    config: PurificationConfig, seeds: Seeds, initial: np.ndarray, nets: Nets, table: pd.DataFrame
) -> pd.DataFrame:
    """One typical neuron a seed in the dictionary basis: the live one of median |cos(w, w')|."""
    fixed = instance(config.training.data)
    frames = [COORDINATES.empty()]
    for s, seed in enumerate(seeds):
        rows = table[(table.seed == seed) & table.live_clean & table.live_robust]
        if rows.empty:
            continue
        typical = (rows.cos_clean_robust - rows.cos_clean_robust.median()).abs().idxmin()
        neuron = int(rows.neuron.loc[typical])
        weights = {"init": initial} | {net: nets[net]["weight"] for net in NETS}
        values = {net: np.asarray(fixed.to_code(jnp.asarray(w[s, neuron]))) for net, w in weights.items()}
        head = {"experiment": config.name, "seed": int(seed), "neuron": neuron}
        frames.append(pd.DataFrame({**head, "coordinate": np.arange(len(values["init"])), **values}))
    return pd.concat(frames[1:] or frames, ignore_index=True)

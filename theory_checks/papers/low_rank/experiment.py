"""The low-rank experiment: all ranks of all seeds are trained beside each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from purifyjax.commands.progress import Progress
from purifyjax.sweep import seed_keys
from purifyjax.training import Training, with_rank
from purifyjax.training.recipes import feature_purification
from purifyjax.training.trajectory import stage_keys
from theory_checks.experiment import Arrays, Found, Nets, Seeds, Stage
from theory_checks.measuring.attacked import FINDINGS
from theory_checks.measuring.ranks import RANKS
from theory_checks.measuring.two_layer import initial_states, restarted, run
from theory_checks.papers.low_rank import measure
from theory_checks.papers.low_rank.config import LowRankConfig
from theory_checks.papers.low_rank.tables import UPDATES

CLEAN, ADVERSARIAL, LOW_RANK = "clean", "adversarial", "low-rank"


@dataclass(frozen=True, kw_only=True)
class LowRank(LowRankConfig):
    """Train nets cleanly, then adversarially with updates of every rank and of any; attack them all."""

    cost: ClassVar[float] = 4.0

    def stages(self) -> tuple[Stage, ...]:
        found = []
        for net, training in self.nets.items():
            clean, bounded = f"{net}, {CLEAN}", training.replace(rank=max(self.ranks))
            first, last = (sum(phase.steps for phase in phases) for phases in (training.clean, training.robust))
            found += [
                Stage(clean, training.replace(robust=()), first, partial(_clean, training)),
                Stage(f"{net}, {ADVERSARIAL}", training, last, partial(_adversarial, training, clean), after=(clean,)),
                Stage(
                    f"{net}, {LOW_RANK}",
                    (bounded, self.ranks),
                    last,
                    partial(_low_rank, bounded, self.ranks, clean),
                    after=(clean,),
                ),
            ]
        return tuple(found)

    def measure(self, seeds: Seeds, nets: Nets, progress: Progress) -> Found:
        tables: dict[Any, list[pd.DataFrame]] = {RANKS: [], FINDINGS: [], UPDATES: []}
        for net in progress.over([*self.nets]):
            along = along_ranks(nets, net)
            rows, findings = measure.accuracies(self, net, seeds, along, progress)
            tables[RANKS].append(rows)
            tables[FINDINGS].append(findings)
            tables[UPDATES].append(measure.updates(self, net, seeds, along["weight"]))
        return Found({table: pd.concat(frames, ignore_index=True) for table, frames in tables.items()})


def along_ranks(nets: Nets, net: str) -> Arrays:
    """Weights [rank, seed, neuron, dim] and thresholds of a net: clean, after every rank, unrestricted."""
    clean, low, full = (nets[f"{net}, {stage}"] for stage in (CLEAN, LOW_RANK, ADVERSARIAL))
    return {
        name: np.concatenate([clean[name][None], np.moveaxis(low[name], 1, 0), full[name][None]])
        for name in ("weight", "threshold")
    }


def _keys(seeds: Seeds, stage: int) -> jax.Array:
    """Of every seed: of the initial weights, the clean stage and the robust stage."""
    return jax.vmap(stage_keys)(seed_keys(seeds))[stage]


def _clean(training: Training, seeds: Seeds, before: Nets, **options: Any) -> Arrays:
    """The clean nets."""
    del before
    return run(_keys(seeds, 1), initial_states(training, seeds), training, training.clean, **options)


def _adversarial(training: Training, clean: str, seeds: Seeds, before: Nets, **options: Any) -> Arrays:
    """What unrestricted adversarial training makes of the clean nets."""
    return run(_keys(seeds, 2), restarted(before[clean], training), training, training.robust, **options)


def _low_rank(
    bounded: Training, ranks: tuple[int, ...], clean: str, seeds: Seeds, before: Nets, **options: Any
) -> Arrays:
    """What updates of every rank make of them, all with axes seed and rank."""
    # All ranks of a seed see the same points: a key and a start for every pair, one rank after another.
    copies = len(ranks)
    start = {name: np.concatenate([before[clean][name]] * copies) for name in ("weight", "threshold")}
    fresh = restarted(start, bounded)
    fresh = fresh._replace(optimizer=with_rank(fresh.optimizer, jnp.repeat(jnp.asarray(ranks), len(seeds))))
    found = run(jnp.concatenate([_keys(seeds, 2)] * copies), fresh, bounded, bounded.robust, **options)
    return {
        name: np.moveaxis(values.reshape(copies, len(seeds), *values.shape[1:]), 0, 1) for name, values in found.items()
    }


# Chance decides how many neurons win a feature, m/d on average, and evening them out takes an update of every feature
# on its own: m/d is large, so that there is little to even out, and clean training long, so that no feature is missing.
SIZE: dict[str, Any] = {
    "dimension": 128,
    "sparsity": 9,
    "neurons": 12 * 128,
    "radius": 0.9,
    "clean_threshold": 4.0,
    "pace": 0.7,
    "batch_size": 256,
}


def low_rank(training: Training, radius: float, *, seeds: int, **size: Any) -> LowRank:
    """The experiment with feature purification's clean training at `SIZE`, and its radius τ.

    Adversarial training is shorter and slower than there. It was chosen by the robust accuracy of unrestricted training
    alone, which so many neurons bring near its end within these steps.
    """
    warm, _, last = training.robust
    warm = warm.replace(steps=100, batch_size=128, learning_rate=0.036, learning_rate_end=0.09, threshold_end=1.0)
    last = last.replace(steps=150, batch_size=128, learning_rate=0.12, learning_rate_end=0.012)
    last = last.replace(threshold=0.7, threshold_end=0.7)
    return LowRank(training=training.replace(robust=(warm, last)), radius=radius, seeds=seeds, **size)


def on_seeds(seeds: int) -> Callable[[], tuple[LowRank, ...]]:
    """The experiment at the one size that it has."""
    return lambda: (low_rank(*feature_purification(**SIZE), seeds=seeds),)


PROFILES: dict[str, Callable[[], tuple[LowRank, ...]]] = {
    "small": on_seeds(2),
    "standard": on_seeds(3),
    "paper": on_seeds(4),
}
SUMMARIES = {
    "small": "d = 128, m = 12 d and 3 d, ranks 1 to 64, 2 seeds",
    "standard": "d = 128, m = 12 d and 3 d, ranks 1 to 64, 3 seeds",
    "paper": "d = 128, m = 12 d and 3 d, ranks 1 to 64, 4 seeds",
}

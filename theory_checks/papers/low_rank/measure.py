"""Accuracy by the rank of the adversarial update, and what the updates are made of."""

from __future__ import annotations

from functools import partial

import jax.numpy as jnp
import numpy as np
import pandas as pd

from purifyjax.analysis import absolute_cosine
from purifyjax.commands.progress import Progress
from purifyjax.data import instance
from theory_checks.experiment import Arrays, Seeds
from theory_checks.measuring.attacked import finding_rows
from theory_checks.measuring.known import worst_case
from theory_checks.measuring.points import attack_keys, fresh_points
from theory_checks.measuring.ranks import RANKS
from theory_checks.measuring.robustness import strongest_pair
from theory_checks.measuring.two_layer import margin_of
from theory_checks.papers.low_rank.config import LowRankConfig
from theory_checks.papers.low_rank.tables import UPDATES


def attacked_net(net: str, rank: int) -> str:
    """The name of a net after an update of a rank, among the attacks' findings."""
    return f"{net}, rank {rank}"


def accuracies(
    config: LowRankConfig, net: str, seeds: Seeds, along: Arrays, progress: Progress
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of `RANKS` and `FINDINGS` of one net: all ranks of a seed are attacked on the same points.

    Args:
      along: weights [rank, seed, neuron, dim] and thresholds [rank, seed, neuron]: clean, every rank, unrestricted.
    """
    points = fresh_points(jnp.asarray(seeds), config.points, config.training.data, "ranks")
    suite = strongest_pair(config.training.data, config.attack_steps)
    ranks = config.all_ranks(net)
    clean, robust, findings = [], [], []
    for place, rank in progress.over([*enumerate(ranks)]):
        params = {name: jnp.asarray(along[name][place]) for name in ("weight", "threshold")}
        run = partial(worst_case, attack_keys(seeds), margin_of(config.nets[net].neurons), params, *points)
        clean.append(run(config.ball.replace(radius=0.0), ()).standing)
        worst = run(config.ball, suite)
        robust.append(worst.standing)
        head = {"experiment": config.name, "net": attacked_net(net, rank), "run": ""}
        findings.append(finding_rows(seeds, worst.findings, **head))
    full = robust[-1]
    rows = [
        {
            "experiment": config.name,
            "seed": int(seed),
            "net": net,
            "rank": rank,
            "full": place == len(ranks) - 1,
            "clean": int(clean[place][s].sum()),
            "robust": int(robust[place][s].sum()),
            "lost": int((full[s] & ~robust[place][s]).sum()),
            "points": config.points,
        }
        for place, rank in enumerate(ranks)
        for s, seed in enumerate(seeds)
    ]
    return pd.DataFrame(rows, columns=list(RANKS.columns)), pd.concat(findings, ignore_index=True)


def updates(config: LowRankConfig, net: str, seeds: Seeds, weight: np.ndarray) -> pd.DataFrame:
    """Rows of `UPDATES` of one net, from its weights [rank, seed, neuron, dim]."""
    fixed = instance(config.training.data)
    mixture = fixed.to_input(fixed.label_weights)
    rows = []
    for s, seed in enumerate(seeds):
        lowest, full = (np.linalg.svd(weight[i, s] - weight[0, s], full_matrices=False)[1:] for i in (1, -1))
        share = np.cumsum(full[0] ** 2) / np.sum(full[0] ** 2)
        cosines = [float(absolute_cosine(jnp.asarray(v[0]), mixture)) for _, v in (full, lowest)]
        energies = [float(share[rank - 1]) for rank in (config.ranks[0], config.ranks[-1])]
        rows.append((config.name, int(seed), net, *energies, *cosines))
    return pd.DataFrame(rows, columns=list(UPDATES.columns))

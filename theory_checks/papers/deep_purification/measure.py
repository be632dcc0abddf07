"""Accuracies of all nets, by the rank of the update as well, and angles between filters of two nets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd

from purifyjax.analysis import angles as angles_between
from purifyjax.balls import Ball
from purifyjax.commands.progress import Progress
from purifyjax.models import filters
from purifyjax.training import ClassifierState
from theory_checks.evidence import Table
from theory_checks.experiment import Seeds
from theory_checks.measuring.attacked import FINDINGS, counts, finding_rows
from theory_checks.measuring.image_nets import IMAGE_ROBUSTNESS
from theory_checks.measuring.known import worst_case
from theory_checks.measuring.points import attack_keys
from theory_checks.measuring.ranks import RANKS
from theory_checks.papers.deep_purification.config import CLEAN, INITIAL, ROBUST, SCRATCH, DeepPurificationConfig
from theory_checks.papers.deep_purification.tables import ANGLES

PAIRS = {
    "init-clean": (INITIAL, CLEAN),
    "init-robust": (INITIAL, ROBUST),
    "clean-robust": (CLEAN, ROBUST),
    "init-scratch": (INITIAL, SCRATCH),
    "clean-scratch": (CLEAN, SCRATCH),
}

States = Mapping[str, ClassifierState]


class Standing(NamedTuple):
    """Which points [seed, n] a net gets right, and which under every attack."""

    clean: np.ndarray
    robust: np.ndarray


def accuracies(
    config: DeepPurificationConfig, seeds: Seeds, nets: States, progress: Progress
) -> dict[Table, pd.DataFrame]:
    """How many test images each net gets right, right under the worst case of all attacks, and by rank."""
    frames, standing, findings = [], {}, []
    x, y = config.test_images(seeds, config.attacked_points)
    for net in progress.over(config.nets):
        run = partial(worst_case, attack_keys(seeds), config.margin_of, nets[net.name], x, y, chunk=config.chunk)
        clean, worst = run(Ball(0.0), ()), run(config.ball, config.suite)
        standing[net.name] = Standing(clean.standing, worst.standing)
        head = {"experiment": config.name, "net": net.name}
        findings.append(finding_rows(seeds, worst.findings, **head, run=""))
        frames.append(counts(seeds, clean.standing, **head, attack="none", radius=0.0))
        frames.append(counts(seeds, worst.standing, **head, attack="worst", radius=config.radius))
    tables = {
        IMAGE_ROBUSTNESS: pd.concat(frames, ignore_index=True),
        FINDINGS: pd.concat(findings, ignore_index=True),
    }
    return tables | ({RANKS: _ranks(config, seeds, nets, standing)} if config.ranks else {})


def _ranks(
    config: DeepPurificationConfig, seeds: Seeds, nets: States, standing: Mapping[str, Standing]
) -> pd.DataFrame:
    """Accuracies by the rank of the update of the clean net; 0 is that net itself."""
    bounded = {net.name: net.rank for net in config.nets if net.rank is not None}
    full = max(min(leaf.shape[-2:]) for leaf in filters(nets[CLEAN].params).values())
    frames = []
    for name, rank in ({CLEAN: 0} | bounded | {ROBUST: full}).items():
        clean, robust = standing[name]
        lost = standing[ROBUST].robust & ~robust
        counts = {"clean": clean.sum(axis=1), "robust": robust.sum(axis=1), "lost": lost.sum(axis=1)}
        head = {"experiment": config.name, "seed": seeds, "net": config.architecture, "rank": rank}
        frames.append(pd.DataFrame(head | {"full": name == ROBUST} | counts | {"points": clean.shape[1]}))
    return pd.concat(frames, ignore_index=True)


def angles(config: DeepPurificationConfig, seeds: Seeds, nets: States) -> pd.DataFrame:
    """Angles between matching filters of two nets, in every layer."""
    of_nets = {name: filters(nets[name].params) for name in (INITIAL, CLEAN, ROBUST, SCRATCH)}
    frames = []
    for pair, layer in product(PAIRS, of_nets[INITIAL]):
        a, b = (np.asarray(of_nets[name][layer]) for name in PAIRS[pair])
        found = angles_between(a, b)
        seed, index = (axis.ravel() for axis in np.indices(found.shape))
        head = {"experiment": config.name, "architecture": config.architecture, "layer": layer, "pair": pair}
        frames.append(pd.DataFrame(head | {"seed": seeds[seed], "filter": index, "angle": found.ravel()}))
    return ANGLES.checked(pd.concat(frames, ignore_index=True))

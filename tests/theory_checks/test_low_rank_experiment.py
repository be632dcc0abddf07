"""The low-rank experiment from training to its verdict, at a size that takes seconds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from purifyjax.errors import ConfigError
from theory_checks import run_low_rank
from theory_checks.claims import low_rank as claim
from theory_checks.experiments.low_rank import SIZE, LowRank, low_rank_task
from theory_checks.experiments.profiles import feature_purification
from theory_checks.measure import low_rank as measure
from theory_checks.stored import progress

SEEDS = np.array([0, 5, 7])
D, M, RANKS = 36, 72, (1, 3)


class MeasuredError(Exception):
    """Stands for a measurement."""


def tiny() -> LowRank:
    size: dict[str, Any] = SIZE | {"dimension": D, "sparsity": 9, "neurons": M, "batch_size": 32}
    task = low_rank_task(*feature_purification(margin=1.0, radius=0.5, **size), seeds=2, ranks=RANKS, points=40)
    clean = tuple(phase.replace(steps=20) for phase in task.training.clean[:2])
    robust = tuple(phase.replace(steps=20) for phase in task.training.robust)
    return replace(task, training=task.training.replace(clean=clean, robust=robust), contrasts=(), attack_steps=5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("low-rank")


BARS = []


@pytest.fixture(scope="module")
def evidence(folder):
    def kept(*args):
        BARS.append(progress(*args))
        return BARS[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_low_rank, "progress", kept)
        return run_low_rank.low_rank_evidence(tiny(), SEEDS, folder, resume=True)


def test_every_rank_of_every_seed_has_a_row(evidence):
    table = evidence.ranks
    assert len(table) == 4 * 2 and set(table.seed) == {0, 5} and set(table.points) == {40}
    for _, rows in table.groupby("seed"):
        assert list(rows["rank"]) == [0, *RANKS, D] and list(rows.full) == [False] * 3 + [True]
    assert ((0 <= table.robust) & (table.robust <= table.clean) & (table.clean <= 40)).all()
    (bar,) = BARS
    assert bar.n == bar.total == 4


def test_lost_points_are_those_of_the_unrestricted_net(evidence):
    table = evidence.ranks
    full = table.seed.map(table[table.full].set_index("seed").robust)
    assert (table.lost[table.full] == 0).all() and (table.lost <= full).all()
    gained = table.robust - full + table.lost
    assert (gained >= 0).all() and (table.lost + gained > 0).sum() > 2


def test_updates_have_their_ranks_and_start_from_the_same_clean_net(evidence, folder):
    weights = [np.load(path)["weight"] for path in (folder / "stages").glob("*.npz")]
    low = next(w for w in weights if len(w) == 2 * len(RANKS)).reshape(len(RANKS), 2, M, D)
    others = [w for w in weights if len(w) == 2]
    assert len(weights) == 3 and len(others) == 2

    def ranks(clean):
        sizes = np.linalg.svd(np.float64(low) - clean, compute_uv=False)
        return (sizes > 1e-4 * sizes[..., :1]).sum(axis=-1).tolist()

    assert [[1, 1], [3, 3]] in [ranks(clean) for clean in others]


def test_updates_are_told(evidence):
    found = evidence.config["updates"]
    assert [(u["net"], u["seed"]) for u in found] == [("theory", 0), ("theory", 5)]
    for update in found:
        assert 0 < update["energy"]["1"] < update["energy"]["3"] <= 1
        assert 0 <= update["cosine"] <= 1 and 0 <= update["cosine_lowest"] <= 1


def test_finished_work_is_read_back(evidence, folder, monkeypatch):
    monkeypatch.setattr(run_low_rank, "train_stage", None)
    again = run_low_rank.low_rank_evidence(tiny(), SEEDS, folder, resume=True)
    assert again.ranks.equals(evidence.ranks) and again.config == evidence.config
    # Attacked at other points, the nets are the same.
    monkeypatch.setattr(measure, "measure", lambda task, seeds, nets, tick: (_ for _ in ()).throw(MeasuredError))
    with pytest.raises(MeasuredError):
        run_low_rank.low_rank_evidence(replace(tiny(), points=16), SEEDS, folder, resume=True)


def test_the_claim_can_be_judged(evidence):
    parts = claim.CLAIM.measure(evidence)
    assert len(parts) == 1 and parts[0].quantity.startswith("theory: ") and len(parts[0].seeds) == 2


def test_a_rank_out_of_range_is_named(tmp_path):
    with pytest.raises(ConfigError, match="rank r = 37"):
        run_low_rank.low_rank_evidence(replace(tiny(), ranks=(1, 37)), SEEDS, tmp_path, resume=True)


def test_the_default_size():
    task = low_rank_task(*feature_purification(margin=1.5, radius=0.9, **SIZE), seeds=4)
    assert {name: t.neurons for name, t in task.nets.items()} == {"theory": 1536, "theory, m = 3 d": 384}
    assert max(task.ranks) < 128
    assert [p.batch_size for p in task.training.robust] == [128, 128]
    assert all(p.adversary == "fgm" and p.radius > 0 for p in task.training.robust)

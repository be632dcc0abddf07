"""Low-rank updates: the claim on tables made up so that the answer is known, and a whole toy run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from purifyjax.attacks import FGM, Finding, in_words
from purifyjax.errors import ConfigError
from purifyjax.training import Training
from purifyjax.training.recipes import feature_purification
from tests.theory_checks.toys import low_rank as toys
from theory_checks.evidence import Evidence
from theory_checks.experiment import Experiment
from theory_checks.measuring import two_layer
from theory_checks.measuring.attacked import FINDINGS
from theory_checks.measuring.ranks import RANKS
from theory_checks.papers.low_rank import PAPER, measure
from theory_checks.papers.low_rank.claims import low_rank as claim
from theory_checks.papers.low_rank.experiment import PROFILES, SIZE, LowRank, low_rank
from theory_checks.papers.low_rank.tables import UPDATES
from theory_checks.runner import Runner

POINTS, FULL, RANK_LIST = 1000, 64, (1, 4, 16, 32)
CLOSE, FAR = (985, 983, 986, 988), (930, 940, 950, 985)
SEEDS = [0, 5, 7]
D, M, RANKS_TRIED = 36, 72, (1, 3)


@dataclass(frozen=True, kw_only=True)
class Convnet(Experiment):
    """Stands for the convolutional nets, which are another paper's."""


def rows(robust, *, net="theory", seed=0, most=990, gained=2):
    """A net's rows: 0, the ranks, unrestricted; `gained` points are right only at a rank."""
    lost = [most - own + gained for own in robust]
    columns = {"rank": (0, *RANK_LIST, FULL), "robust": (3, *robust, most), "lost": (most - 3, *lost, 0)}
    frame = pd.DataFrame(columns).assign(experiment="e", seed=seed, net=net, clean=1000, points=POINTS)
    return frame.assign(full=frame["rank"] == FULL)


def check(theory, convnet=None, **tables):
    (toy,) = toys.experiments()
    config = replace(toy, ranks=RANK_LIST, contrasts=(3,))
    convnet = rows(CLOSE, net="alexnet") if convnet is None else convnet
    return claim.CLAIM.check(
        {
            "low-rank": Evidence(config, {RANKS.name: theory} | tables),
            "convnet": Evidence(Convnet(name="convnet", seeds=1), {RANKS.name: convnet}),
        }
    )


def test_the_gap_is_paired():
    table = claim.behind(rows(FAR))
    assert list(table["rank"]) == [*RANK_LIST, FULL]
    assert list(table.value) == pytest.approx([0.06, 0.05, 0.04, 0.005, 0])
    lost, gained = 63 / 1002, 3 / 1002  # 62 + 1 and 2 + 1 of the first rank
    half = 1.959964 * np.sqrt((lost + gained - (lost - gained) ** 2) / 1002)
    assert (table.low[0], table.high[0]) == pytest.approx((lost - gained - half, lost - gained + half))
    assert (table.low.iloc[-1], table.high.iloc[-1]) == (0, 0)


def test_the_interval_covers_the_gap_of_correlated_nets():
    rng = np.random.default_rng(0)
    chances = [0.955, 0.02, 0.01, 0.015]  # both right, lost, gained, none
    covered = []
    for both, lost, gained, _ in rng.multinomial(400, chances, size=500):
        frame = pd.DataFrame({"rank": [0, 1, 8], "robust": [0, both + gained, both + lost], "lost": [0, lost, 0]})
        table = claim.behind(frame.assign(full=[False, False, True], points=400))
        covered.append(table.low[0] <= 0.01 <= table.high[0])
    assert 0.93 <= np.mean(covered) <= 0.985


def test_an_unknown_pairing_is_taken_at_its_worst():
    known = rows(CLOSE)
    for unknown in (known.drop(columns="lost"), known.assign(lost=np.nan)):
        table = claim.behind(unknown)
        np.testing.assert_allclose(table.value, claim.behind(known).value)
        # 15 points are wrong at rank 1: all of them may be right without the bound.
        worst = rows(CLOSE, gained=0).assign(lost=[0, 15, 17, 14, 12, 0])
        np.testing.assert_allclose(table, claim.behind(worst))


@pytest.mark.parametrize(
    ("gaps", "expected"),
    [([0, 0, 0, 0], 1), ([0.1, 0, 0, 0], 4), ([0, 0.021, 0, 0], 16), ([0.1, 0.1, 0.1, 0], 64), ([0.02, 0, 0, 0], 1)],
)
def test_every_larger_rank_must_do_as_well(gaps, expected):
    assert claim.sufficient(np.array([1, 4, 16, 64]), np.array(gaps)) == expected


def test_holds_when_a_small_rank_is_enough_in_both_kinds_of_nets():
    verdict = check(pd.concat([rows(CLOSE, seed=s) for s in (0, 1)]))
    theory, convnet = verdict.parts
    assert verdict.outcome == "holds" and verdict.experiments == ("low-rank", "convnet")
    assert verdict.kind == "experiment" and theory.unit == "share of the full rank"
    assert [s.seed for s in theory.seeds] == [0, 1] and len(convnet.seeds) == 1
    assert (theory.measured, theory.bound) == (1 / 64, 0.25) and "64" in theory.quantity
    assert "theory: robust accuracy 0.3% before the update, 98.5% at rank 1, 99.0% unrestricted" in verdict.note
    assert "enough from rank 1 on" in verdict.note


def test_a_rank_of_a_quarter_that_loses_refutes():
    verdict = check(rows(FAR))
    assert verdict.outcome == "refuted" and verdict.binding.measured == 0.5
    assert check(rows(CLOSE), convnet=rows(FAR, net="alexnet")).outcome == "refuted"


def test_an_interval_that_straddles_the_two_points_is_inconclusive():
    verdict = check(rows((975, 975, 975, 975)))
    (seed,) = verdict.parts[0].seeds
    assert verdict.outcome == "inconclusive" and (seed.low, seed.value, seed.high) == (1 / 64, 1 / 64, 1.0)


def test_contrasts_are_told_but_not_judged():
    told = {"seed": 0, "energy": 0.25, "energy_largest": 0.9, "cosine": 0.9, "cosine_lowest": 0.999}
    updates = pd.DataFrame([told | {"net": "theory"}, told | {"net": "theory, m = 3 d", "energy": 0.1}])
    both = pd.concat([rows(CLOSE), rows(FAR, net="theory, m = 3 d")])
    verdict = check(both, **{UPDATES.name: updates})
    assert verdict.outcome == "holds" and len(verdict.parts) == 2
    assert "theory, m = 3 d: robust accuracy 0.3% before the update, 93.0% at rank 1" in verdict.note
    assert "enough from rank 32 on" in verdict.note
    assert "The update of rank 1 points along Mw* (|cos| 0.999)" in verdict.note and "25% of its energy" in verdict.note


def test_what_attacks_found_is_told_rank_by_rank():
    flat = Finding(seed=0, kind="flat", attack="", count=30, of=100, worst=0.0)
    found = [{"experiment": "low-rank", "net": f"theory, rank {rank}", "run": ""} for rank in (4, 0)]
    table = pd.DataFrame([head | flat._asdict() for head in found], columns=list(FINDINGS.columns))
    (words,) = in_words([flat])
    note = check(rows(CLOSE), **{FINDINGS.name: table}).note
    first, second = (note.index(f"theory, rank {rank}: {words}") for rank in (0, 4))
    assert first < second


def tiny() -> LowRank:
    """An experiment that trains for long enough that nets differ."""
    size: dict[str, Any] = SIZE | {"dimension": D, "sparsity": 9, "neurons": M, "batch_size": 32, "radius": 0.5}
    training, radius = feature_purification(margin=1.0, **size)
    full = low_rank(training, radius, seeds=2, ranks=RANKS_TRIED, points=40, contrasts=(), attack_steps=5)

    def short(phases):
        return tuple(phase.replace(steps=20) for phase in phases)

    training = full.training.replace(clean=short(full.training.clean[:2]), robust=short(full.training.robust))
    return replace(full, training=training)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("low-rank")


@pytest.fixture(scope="module")
def evidence(folder):
    return Runner(folder, SEEDS).evidence(tiny())


def test_every_rank_of_every_seed_has_a_row(evidence):
    table = evidence[RANKS]
    assert len(table) == 4 * 2 and set(table.seed) == {0, 5} and set(table.points) == {40}
    for _, own in table.groupby("seed"):
        assert list(own["rank"]) == [0, *RANKS_TRIED, D] and list(own.full) == [False] * 3 + [True]
    assert ((0 <= table.robust) & (table.robust <= table.clean) & (table.clean <= 40)).all()


def test_lost_points_are_those_of_the_unrestricted_net(evidence):
    table = evidence[RANKS]
    full = table.seed.map(table[table.full].set_index("seed").robust)
    assert (table.lost[table.full] == 0).all() and (table.lost <= full).all()
    gained = table.robust - full + table.lost
    assert (gained >= 0).all() and (table.lost + gained > 0).sum() > 2


def test_updates_have_their_ranks_and_start_from_the_same_clean_net(evidence, folder):
    nets = Runner(folder, SEEDS).nets(tiny())
    clean, low, full = (nets[f"theory, {stage}"]["weight"] for stage in ("clean", "low-rank", "adversarial"))
    assert clean.shape == full.shape == (2, M, D) and low.shape == (2, len(RANKS_TRIED), M, D)
    sizes = np.linalg.svd(np.float64(low) - clean[:, None], compute_uv=False)
    assert (sizes > 1e-4 * sizes[..., :1]).sum(axis=-1).tolist() == [[*RANKS_TRIED]] * 2


def test_updates_are_told(evidence):
    found = evidence[UPDATES]
    assert list(found.net) == ["theory"] * 2 and list(found.seed) == [0, 5]
    assert ((found.energy > 0) & (found.energy < found.energy_largest) & (found.energy_largest <= 1)).all()
    for cosine in (found.cosine, found.cosine_lowest):
        assert cosine.between(0, 1).all()


def test_finished_work_is_read_back(evidence, folder, monkeypatch):
    monkeypatch.setattr(two_layer, "train_stage", None)
    monkeypatch.setattr(measure, "updates", None)
    again = Runner(folder, SEEDS).evidence(tiny())
    assert all(again.tables[name].equals(frame) for name, frame in evidence.tables.items())
    monkeypatch.undo()
    # Attacked at other points, the nets are the same.
    monkeypatch.setattr(two_layer, "train_stage", None)
    other = Runner(folder, SEEDS).evidence(replace(tiny(), points=16))
    assert set(other[RANKS].points) == {16}


def test_other_ranks_train_only_themselves(evidence, folder, monkeypatch):
    trained = []
    run = two_layer.train_stage

    def counted(keys, start, config, phases, **options):
        trained.append((len(keys), config.rank))
        return run(keys, start, config, phases, **options)

    monkeypatch.setattr(two_layer, "train_stage", counted)
    assert set(Runner(folder, SEEDS).evidence(replace(tiny(), ranks=(2,)))[RANKS]["rank"]) == {0, 2, D}
    assert trained == [(2, 2)]


def test_the_claim_can_be_judged_and_drawn(evidence):
    parts = claim.CLAIM.measure(evidence)
    assert len(parts) == 1 and parts[0].quantity.startswith("theory: ") and len(parts[0].seeds) == 2
    (figure,) = claim.CLAIM.figures
    assert figure.file(evidence) == "low-rank-ranks" and figure.shows(evidence) and figure.draw(evidence).axes
    assert PAPER.claims == (claim.CLAIM,)


def test_a_rank_out_of_range_is_named(tmp_path):
    with pytest.raises(ConfigError, match="rank r = 37"):
        Runner(tmp_path, SEEDS).evidence(replace(tiny(), ranks=(1, 37)))


def test_another_radius_trains_nothing():
    scaled = tiny().at_scale(2.0)
    assert scaled.radius == 2 * tiny().radius and scaled.stages() == tiny().stages()
    assert scaled.identity() != tiny().identity()


def test_the_default_size():
    (task,) = PROFILES["standard"]()
    assert isinstance(task, LowRank) and task.seeds == 3
    assert {name: t.neurons for name, t in task.nets.items()} == {"theory": 1536, "theory, m = 3 d": 384}
    assert task.all_ranks("theory, m = 3 d") == (0, 1, 8, 32, 64, 128)
    training: Training = task.training
    assert [p.batch_size for p in training.robust] == [128, 128]
    assert all(p.adversary == FGM() and p.radius > 0 for p in training.robust)
    task.validate()

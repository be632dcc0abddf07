"""The experiment on codes of photographs: its data and controls, what is measured of codes, and its claims."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from purifyjax import attacks
from purifyjax.data import NaturalCodes, assumptions, label_std, second_moment
from purifyjax.data.natural import Half, natural_codes
from theory_checks import run_natural
from theory_checks.claims import natural_codes as claims
from theory_checks.evidence import Evidence
from theory_checks.experiments.natural import IDEAL, KINDS, REAL, SHUFFLED, NaturalTask
from theory_checks.measure import natural as measure
from theory_checks.measure.codes import COLUMNS, code_table

SEEDS = np.array([0, 5])
TASK = NaturalTask(
    codes=NaturalCodes(patch=6, atoms=20, patches=3000, fitted=2000, iterations=10, block=53),
    neurons=12,
    points=40,
    curve_points=40,
    attack_steps=2,
    resamples=20,
    pictured=6,
    seeds=2,
)


@pytest.fixture(scope="module")
def coded():
    return natural_codes(TASK.codes)


@pytest.fixture(scope="module")
def kinds(coded):
    return {kind.training.name: kind for kind in measure.kinds(TASK, coded)}


# Data


def test_three_kinds_differ_in_their_codes_alone(kinds, coded):
    assert tuple(kinds) == KINDS
    for kind in kinds.values():
        fitted, held = kind.training.training, kind.evaluation.training
        assert fitted.data.table.codes.shape == coded.train.codes.shape
        assert held.data.table.codes.shape == coded.evaluation.codes.shape
        first = kinds[REAL].training.training
        assert fitted.replace(data=first.data) == first and held.replace(data=first.data) == first
        assert kind.training.radius == kinds[REAL].training.radius == kind.training.monitored_radius
        # The training half has the theory's mean E z_j²; the evaluation half is scaled alike.
        training, _ = measure.recipe(TASK, coded)
        assert float(second_moment(fitted.data)) == pytest.approx(float(second_moment(training.data)), rel=0.05)


def test_real_codes_stay_as_they_are_up_to_one_scale(kinds, coded):
    scale = np.asarray(kinds[REAL].training.training.data.table.codes).max() / coded.train.codes.max()
    for name, half in (("training", coded.train), ("evaluation", coded.evaluation)):
        table = getattr(kinds[REAL], name).training.data.table.codes
        np.testing.assert_allclose(table, scale * half.codes, rtol=1e-5)


def test_shuffled_codes_keep_their_marginals_and_lose_their_dependence(kinds):
    for name in ("fitted", "held"):
        real, shuffled = (np.asarray(getattr(kinds[k], name).table.codes) for k in (REAL, SHUFFLED))
        np.testing.assert_array_equal(np.sort(real, axis=0), np.sort(shuffled, axis=0))
        assert abs(assumptions(real).dispersion - 1) > 0.3
        assert assumptions(shuffled).dispersion == pytest.approx(1, abs=0.1)


def test_the_theorys_codes_are_those_of_the_family(kinds):
    data = kinds[IDEAL].training.training.data
    codes = np.abs(np.asarray(data.table.codes))
    assert codes[codes > 0].min() >= 1 / np.sqrt(data.sparsity) * (1 - 1e-5) and codes.max() <= 3 / np.sqrt(
        data.sparsity
    ) * (1 + 1e-5)
    held = np.asarray(kinds[IDEAL].evaluation.training.data.table.codes)
    assert not np.array_equal(held[:100], codes[:100])
    assert data.margin == pytest.approx(TASK.margin * label_std(data.untabulated.replace(atom_rate=0.05)), rel=1e-3)


def test_another_radius_judges_the_same_nets(coded):
    far = next(measure.kinds(replace(TASK.scaled(2.0), resamples=0), coded))
    near = next(measure.kinds(replace(TASK, resamples=0), coded))
    assert far.training.radius == pytest.approx(2 * near.training.radius)
    assert far.training.monitored_radius == near.training.monitored_radius
    assert far.training.training == near.training.training


# What codes are like


def half(codes, regions=8):
    rng = np.random.default_rng(0)
    n = len(codes)
    return Half(codes.astype(np.float32), n, rng.integers(regions, size=n), np.ones(n, bool), np.zeros(n))


def drawn(seed, rows=2000, d=24, dependent=False):
    """Independent signs and supports of rate ¼; or four pairs of neighbours, each with a common support."""
    rng = np.random.default_rng(seed)
    support = rng.uniform(size=(rows, d)) < 0.25
    if dependent:
        support[:, 1:8:2] = support[:, 0:8:2]
    return support * rng.choice([-1.0, 1.0], (rows, d))


def numbers(table):
    return table[(table["index"] == 0)].drop_duplicates("quantity").set_index("quantity")


def test_independent_codes_agree_on_nothing():
    table = code_table("x", half(drawn(0)), half(drawn(1)), 50)
    found = numbers(table)
    assert tuple(table.columns) == COLUMNS and set(table.experiment) == {"x"}
    assert assumptions(drawn(1)).lift.std() > 0.05
    assert found.value["lift spread"] < 0.02 and found.value["correlation spread"] < 0.01
    assert found.value["dispersion"] == pytest.approx(1, abs=0.15)
    assert found.value["nonzero share"] == pytest.approx(0.25, abs=0.01)
    assert found.value["even energy"] == 1.0 and found.value["rows apart"] == 2000
    single = found.loc["nonzero share":"lift spread"]
    assert np.all(single.low <= single.high)
    assert found.low["dispersion"] < 1 < found.high["dispersion"]


def test_planted_dependence_is_what_both_halves_agree_on():
    table = code_table("x", half(drawn(0, dependent=True)), half(drawn(1, dependent=True)), 50)
    found = numbers(table)
    lift = np.where(np.arange(276) < 4, 4.0, 1.0)
    assert found.value["lift spread"] == pytest.approx(lift.std(), rel=0.1)
    assert found.low["lift spread"] < lift.std() * 1.05 and found.low["lift spread"] > 0.2
    assert found.value["associated"] == pytest.approx(4 / 276, abs=1 / 276)
    # One half's dependence alone is no agreement.
    other = numbers(code_table("x", half(drawn(0)), half(drawn(1, dependent=True)), 0))
    assert other.value["lift spread"] < 0.1


def test_numbers_are_those_of_the_assumptions():
    codes = drawn(3) * np.random.default_rng(0).uniform(0.5, 2, (2000, 24))
    found, table = assumptions(codes.astype(np.float32)), code_table("x", half(drawn(2)), half(codes), 0)
    single = numbers(table)
    assert single.value["dispersion"] == pytest.approx(found.dispersion)
    assert single.value["nonzero share"] == pytest.approx(found.rate.mean())
    assert single.value["asymmetry"] == pytest.approx(np.abs(found.positive - 0.5).mean())
    assert single.value["small"] == pytest.approx(found.small, abs=1e-3)
    assert np.isnan(single.low["dispersion"])
    by_name = dict(list(table.groupby("quantity")))
    np.testing.assert_allclose(by_name["rate"].value, found.rate)
    np.testing.assert_allclose(by_name["independent nonzeros"].value, found.independent_nonzeros)
    assert by_name["lift"].value.sum() == pytest.approx(1)
    assert np.average(by_name["lift"]["index"], weights=by_name["lift"].value) == pytest.approx(
        found.lift.mean(), abs=0.03
    )


def test_mirror_images_are_not_counted_among_the_training_half():
    one = half(drawn(0, dependent=True))
    mirrored = one._replace(codes=np.concatenate([one.codes, np.zeros_like(one.codes)]), region=np.tile(one.region, 2))
    tables = [code_table("x", train, half(drawn(1, dependent=True)), 0) for train in (one, mirrored)]
    pd.testing.assert_frame_equal(tables[0], tables[1])


# The run


@pytest.fixture(scope="module")
def run(tmp_path_factory, coded):
    """Evidence on nets that are not trained: a neuron a feature, with a dense mixture before "robust" training."""
    folder, calls = tmp_path_factory.mktemp("natural"), []

    def nets(profile, experiment, seeds, out, resume):
        calls.append(experiment)
        pure = np.tile(np.eye(12, 20, dtype=np.float32), (2, 1, 1)) + 0.001 * SEEDS[:, None, None]
        threshold = np.full((2, 12), 0.1, np.float32)
        weights = {"w_init": pure, "w_clean": pure + np.float32(0.1), "w_robust": pure}
        assert list(seeds) == [0, 1] and profile.experiments == (experiment,) and out == folder and resume
        return weights | {"b_clean": threshold, "b_robust": threshold}

    suite = sys.modules["theory_checks.measure.robustness"]
    full, few = suite.attack_suite, ("noise", "universal", "fgm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_natural, "trajectory", nets)
        patch.setattr(run_natural, "natural_codes", lambda config: coded)
        patch.setattr(suite, "attack_suite", cache(lambda *settings: {name: full(*settings)[name] for name in few}))
        patch.setattr(suite, "brief_suite", lambda steps: {"fgm": attacks.fgm})
        found = run_natural.natural_evidence(TASK, np.arange(9), folder, resume=True)
    return found, folder, calls


def test_every_kind_is_in_every_table(run):
    evidence, _, calls = run
    assert [experiment.name for experiment in calls] == list(KINDS)
    for table in (evidence.robustness, evidence.wins, evidence.neurons, evidence.codes):
        assert tuple(dict.fromkeys(table.experiment)) == KINDS
    own = claims.of(evidence, SHUFFLED)
    assert set(own.neurons.experiment) == {SHUFFLED} and len(own.neurons) == 2 * 12
    assert evidence.neurons.purity_robust.mean() > evidence.neurons.purity_clean.mean()
    worst = evidence.robustness[evidence.robustness.attack == "worst"].groupby("radius").correct.mean()
    assert len(worst) == 10 and worst.iloc[-1] < worst.iloc[0]
    assert evidence.pictures.groupby("index").value.apply(lambda v: np.abs(v).max()).to_numpy() == pytest.approx(1.0)
    assert evidence.pictures["index"].nunique() == 6


def test_the_config_tells_all_and_stays_small(run):
    evidence, *_ = run
    assert len(json.dumps(evidence.config)) < 8000
    assert evidence.config["training"]["data"]["dimension"] == 20
    assert set(evidence.config["controls"]) == {SHUFFLED, IDEAL}
    assert evidence.config["diverged_seeds"] == {kind: [] for kind in KINDS}
    assert 0.3 < evidence.config["missed"] <= 0.5


def test_finished_work_is_read_back(run, monkeypatch):
    evidence, folder, _ = run
    monkeypatch.setattr(run_natural, "natural_codes", None)
    again = run_natural.natural_evidence(TASK, np.arange(9), folder, resume=True)
    assert again.codes.equals(evidence.codes) and again.config == evidence.config
    with pytest.raises(TypeError):
        run_natural.natural_evidence(replace(TASK, margin=1.0), np.arange(9), folder, resume=True)


def test_every_claim_can_be_judged(run):
    evidence, *_ = run
    for claim in claims.CLAIMS:
        verdict = claim.check({REAL: evidence})
        assert verdict.parts and verdict.note and verdict.experiment == REAL


# The claims


def judged_as(real, ideal, shuffled=0.5, net="clean", points=2000):
    """Evidence in which this share of the points stands the worst case at τ, and all are right without an attack."""
    rows = []
    for kind, share in ((REAL, real), (SHUFFLED, shuffled), (IDEAL, ideal)):
        for seed in (0, 1):
            for name in ("clean", "robust"):
                for attack, radius in (("none", 0.0), ("worst", 0.0), ("worst", 0.5)):
                    right = share if attack == "worst" and radius and name == net else 1.0
                    row = {"experiment": kind, "seed": seed, "net": name, "attack": attack, "radius": radius}
                    rows.append(row | {"correct": round(right * points), "points": points})
    config = {"training": {"data": {"dimension": 256}}}
    wins = pd.DataFrame({"experiment": [REAL], "seed": [0], "net": [net], "attack": ["fgm"], "broke": [3]})
    empty = pd.DataFrame({"experiment": []})
    return {REAL: Evidence(REAL, config, 0.5, pd.DataFrame(rows), wins, empty, codes=empty)}


@pytest.mark.parametrize(
    "real,ideal,outcome",
    [(0.001, 0.001, "holds"), (0.3, 0.001, "refuted"), (0.3, 0.05, "refuted"), (0.05, 0.05, "inconclusive")],
)
def test_what_the_theorys_codes_miss_refutes_nothing_but_what_real_ones_miss_beside_them(real, ideal, outcome):
    verdict = claims.NONROBUST.check(judged_as(real, ideal))
    assert verdict.outcome == outcome
    assert verdict.parts[1].refutable == (ideal < 0.01)
    difference = verdict.parts[-1]
    assert difference.measured == pytest.approx(real - ideal) and difference.bound == claims.SLACK


@pytest.mark.parametrize(
    "real,ideal,outcome",
    [(0.999, 0.999, "holds"), (0.8, 0.999, "refuted"), (0.8, 0.96, "refuted"), (0.96, 0.96, "inconclusive")],
)
def test_robustness_is_judged_beside_the_theorys_codes(real, ideal, outcome):
    assert claims.ROBUST.check(judged_as(real, ideal, net="robust")).outcome == outcome


def test_differences_cover_both_seeds_intervals_and_take_common_seeds():
    evidence = judged_as(0.3, 0.1)[REAL]
    rows = evidence.robustness
    evidence = replace(evidence, robustness=rows[(rows.experiment != IDEAL) | (rows.seed == 1)])
    part = claims.beside_ideal(evidence, "clean", "<=", 0.0)
    assert [value.seed for value in part.seeds] == [1]
    (value,) = part.seeds
    # ± 1.96 √(p q/n) of both: 0.020 and 0.013.
    assert value.low == pytest.approx(0.2 - 0.033, abs=0.002) and value.high == pytest.approx(0.2 + 0.033, abs=0.002)


def test_the_note_tells_the_widest_gap():
    note = claims.NONROBUST.check(judged_as(0.3, 0.001)).note
    assert "real 100.0% and 30.0%, shuffled 100.0% and 50.0%, the theory's own 100.0% and 0.1%" in note
    assert "30% and 100% at 1 τ on real codes, 0% and 100% at 1 τ on the theory's own codes" in note


def test_premises_hold_for_independent_codes_and_are_refuted_by_dependence():
    for dependent, outcome in ((False, "holds"), (True, "refuted")):
        tables = []
        for kind in KINDS:
            # A rate of ¼ is not sparse: 24 coordinates of it among 96 are.
            one, two = (np.pad(drawn(seed, dependent=dependent), ((0, 0), (0, 72))) for seed in (0, 1))
            tables.append(code_table(kind, half(one), half(two), 50))
        codes = pd.concat(tables)
        even = codes.quantity == "even energy"
        codes.loc[even, ["value", "low", "high"]] = 1.0
        config = {
            "training": {"data": {"dimension": 96}},
            "task": {"codes": {"seed": 7, "atoms": 96, "tolerance": 0.5}},
        }
        empty = pd.DataFrame({"experiment": []})
        evidence = Evidence(REAL, config, 0.5, empty, empty, empty, codes=codes)
        verdict = claims.CODES.check({REAL: evidence})
        assert verdict.outcome == outcome and verdict.seeds == (7,)
        assert "2000 patches that do not overlap" in verdict.note
        refuted = [part.quantity for part in verdict.parts if part.outcome == "refuted"]
        assert all("supports" in quantity for quantity in refuted)


def test_purification_refutes_where_the_theorys_codes_meet_the_bound():
    def neurons(kind, kept):
        rows = {"experiment": kind, "seed": 0, "live_clean": True, "live_robust": True, "feature_clean": np.arange(400)}
        rows["feature_robust"] = np.where(np.arange(400) < kept, np.arange(400), -1)
        rows |= {"mixture_clean": 1.0, "mixture_robust": 0.01, "purity_clean": 0.7, "purity_robust": 0.9}
        return pd.DataFrame(rows | {"cos_clean_robust": 0.9})

    def outcome(real, ideal):
        empty = pd.DataFrame({"experiment": []})
        table = pd.concat([neurons(REAL, real), neurons(SHUFFLED, 100), neurons(IDEAL, ideal)])
        config = {"training": {"data": {"dimension": 256}}}
        return claims.PURIFICATION.check({REAL: Evidence(REAL, config, 0.5, empty, empty, table, codes=empty)})

    assert outcome(400, 400).outcome == "holds" and outcome(200, 400).outcome == "refuted"
    assert outcome(200, 200).outcome == "inconclusive"
    assert "real: median C from 1.00 to 0.01; 100%, 50%, 100%; 400 features found" in outcome(200, 400).note

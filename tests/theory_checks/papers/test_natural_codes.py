"""Codes of photographs: the data and its controls, what is measured of codes, and the questions asked about them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from purifyjax.attacks import FGM
from purifyjax.data import NaturalCodes, TabulatedCoding, assumptions, label_std, second_moment
from purifyjax.data.natural import Half, natural_codes
from purifyjax.errors import ConfigError
from purifyjax.sweep import describe
from tests.theory_checks.toys import natural_codes as toys
from theory_checks.evidence import Evidence
from theory_checks.measuring import robustness as attacks
from theory_checks.measuring.attacked import FINDINGS, ROBUSTNESS, WINS, Evaluation
from theory_checks.measuring.neurons import NEURONS
from theory_checks.measuring.pictures import PICTURES
from theory_checks.papers.natural_codes import PAPER, beside, data, measure
from theory_checks.papers.natural_codes.claims import codes as codes_claim
from theory_checks.papers.natural_codes.claims import nonrobust, purification, robust
from theory_checks.papers.natural_codes.codes import code_table
from theory_checks.papers.natural_codes.config import IDEAL, KINDS, REAL, SHUFFLED, CodeStatistics, TheoryNet
from theory_checks.papers.natural_codes.experiment import PROFILES, Natural
from theory_checks.papers.natural_codes.tables import CODE_SETS, CODES
from theory_checks.runner import Runner
from theory_checks.trained import stage_marks

TASK = Natural(
    codes=NaturalCodes(patch=6, atoms=20, patches=3000, fitted=2000, iterations=10, block=53),
    net=TheoryNet(neurons=12),
    evaluation=Evaluation(points=40, curve_points=40, steps=2, restarts=2),
    statistics=CodeStatistics(resamples=20),
    pictured=6,
    seeds=2,
)


@pytest.fixture(scope="module")
def coded():
    return natural_codes(TASK.codes)


@pytest.fixture(scope="module")
def kinds(coded):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "natural_codes", lambda codes: coded)
        yield {name: data.kind_of(TASK, name) for name in KINDS}
    data.forget()


# Data


def test_three_kinds_differ_in_their_codes_alone(kinds, coded):
    first = kinds[REAL]
    theory, _ = data.recipe(TASK.net, coded)
    for kind in kinds.values():
        assert kind.fitted.table.codes.shape == coded.train.codes.shape
        assert kind.held.table.codes.shape == coded.evaluation.codes.shape
        assert kind.training.replace(data=first.fitted) == first.training
        assert kind.held.replace(table=first.held.table) == first.held
        assert kind.held.replace(table=kind.fitted.table) == kind.fitted
        assert kind.radius == first.radius
        # The training half has the theory's mean E z_j²; the evaluation half is scaled alike.
        assert float(second_moment(kind.fitted)) == pytest.approx(float(second_moment(theory.data)), rel=0.05)


def test_real_codes_stay_as_they_are_up_to_one_scale(kinds, coded):
    real = kinds[REAL]
    scale = np.asarray(real.fitted.table.codes).max() / coded.train.codes.max()
    for table, half in ((real.fitted.table, coded.train), (real.held.table, coded.evaluation)):
        np.testing.assert_allclose(table.codes, scale * half.codes, rtol=1e-5)


def test_shuffled_codes_keep_their_marginals_and_lose_their_dependence(kinds):
    for name in ("fitted", "held"):
        real, shuffled = (np.asarray(getattr(kinds[k], name).table.codes) for k in (REAL, SHUFFLED))
        np.testing.assert_array_equal(np.sort(real, axis=0), np.sort(shuffled, axis=0))
        assert abs(assumptions(real).dispersion - 1) > 0.3
        assert assumptions(shuffled).dispersion == pytest.approx(1, abs=0.1)


def test_the_theorys_codes_are_those_of_the_family(kinds):
    own: TabulatedCoding = kinds[IDEAL].fitted
    codes, unit = np.abs(np.asarray(own.table.codes)), 1 / np.sqrt(own.sparsity)
    assert codes[codes > 0].min() >= unit * (1 - 1e-5) and codes.max() <= 3 * unit * (1 + 1e-5)
    held = np.asarray(kinds[IDEAL].held.table.codes)
    assert not np.array_equal(held[:100], codes[:100])
    sigma = label_std(own.untabulated.replace(atom_rate=0.05))
    assert own.margin == pytest.approx(TASK.net.margin * sigma, rel=1e-3)


def test_another_radius_judges_the_same_nets(kinds, coded):
    near, far = (
        measure.code_set(task, REAL, kinds[REAL], coded.evaluation.missed).iloc[0]
        for task in (TASK, TASK.at_scale(2.0))
    )
    assert far.radius == pytest.approx(2 * near.radius) and near.radius == near.monitored_radius
    assert far.monitored_radius == near.monitored_radius
    assert stage_marks(TASK.at_scale(2.0)) == stage_marks(TASK)
    assert TASK.at_scale(2.0).identity() != TASK.identity()


def test_nets_hang_on_all_that_makes_their_codes_and_on_nothing_else():
    marks = stage_marks(TASK)
    assert len(set(marks.values())) == len(marks) == 2 * len(KINDS)
    others = [replace(TASK, statistics=CodeStatistics()), replace(TASK, pictured=1, seeds=1, evaluation=Evaluation())]
    assert all(stage_marks(other) == marks for other in others)
    changed = [replace(TASK, codes=replace(TASK.codes, seed=1)), replace(TASK, net=replace(TASK.net, margin=1.0))]
    assert all(set(stage_marks(other).values()).isdisjoint(marks.values()) for other in changed)
    # Another key shuffles anew and draws others of the theory's; real codes stay.
    shuffled = stage_marks(replace(TASK, controls=1))
    assert {name for name in marks if marks[name] == shuffled[name]} == {f"{REAL}, clean", f"{REAL}, robust"}


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


def described(train, evaluation, resamples, **statistics):
    return code_table("x", train, evaluation, CodeStatistics(**statistics), resamples)


def numbers(table):
    return table[(table["index"] == 0)].drop_duplicates("quantity").set_index("quantity")


def test_independent_codes_agree_on_nothing():
    table = described(half(drawn(0)), half(drawn(1)), 50)
    found = numbers(table)
    assert tuple(table.columns) == tuple(CODES.columns) and set(table.experiment) == {"x"}
    assert assumptions(drawn(1)).lift.std() > 0.05
    assert found.value["lift spread"] < 0.02 and found.value["correlation spread"] < 0.01
    assert found.value["dispersion"] == pytest.approx(1, abs=0.15)
    assert found.value["nonzero share"] == pytest.approx(0.25, abs=0.01)
    assert found.value["even energy"] == 1.0 and found.value["rows apart"] == 2000
    single = found.loc["nonzero share":"lift spread"]
    assert np.all(single.low <= single.high)
    assert found.low["dispersion"] < 1 < found.high["dispersion"]


def test_planted_dependence_is_what_both_halves_agree_on():
    table = described(half(drawn(0, dependent=True)), half(drawn(1, dependent=True)), 50)
    found = numbers(table)
    lift = np.where(np.arange(276) < 4, 4.0, 1.0)
    assert found.value["lift spread"] == pytest.approx(lift.std(), rel=0.1)
    assert found.low["lift spread"] < lift.std() * 1.05 and found.low["lift spread"] > 0.2
    assert found.value["associated"] == pytest.approx(4 / 276, abs=1 / 276)
    # One half's dependence alone is no agreement.
    other = numbers(described(half(drawn(0)), half(drawn(1, dependent=True)), 0))
    assert other.value["lift spread"] < 0.1


def test_numbers_are_those_of_the_assumptions():
    codes = drawn(3) * np.random.default_rng(0).uniform(0.5, 2, (2000, 24))
    found, table = assumptions(codes.astype(np.float32)), described(half(drawn(2)), half(codes), 0)
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


def test_statistics_are_those_of_the_config():
    codes = drawn(0) * np.linspace(0.5, 2, 24)
    table = described(half(codes), half(codes), 0, even=1.2, lift_bins=10, largest_lift=2.0)
    energy = assumptions(codes.astype(np.float32)).second_moment
    within = (energy >= 1 / 1.2) & (energy <= 1.2)
    assert numbers(table).value["even energy"] == pytest.approx(within.mean()) and 0 < within.sum() < 24
    lift = table[table.quantity == "lift"]
    np.testing.assert_allclose(lift["index"], np.arange(0.1, 2, 0.2))
    assert lift.value.sum() == pytest.approx(1)
    draws = [described(half(codes), half(codes), 5, seed=seed) for seed in (0, 0, 1)]
    pd.testing.assert_frame_equal(draws[0], draws[1])
    assert not draws[0].low.equals(draws[2].low) and draws[0].value.equals(draws[2].value)


def test_mirror_images_are_not_counted_among_the_training_half():
    one = half(drawn(0, dependent=True))
    mirrored = one._replace(codes=np.concatenate([one.codes, np.zeros_like(one.codes)]), region=np.tile(one.region, 2))
    tables = [described(train, half(drawn(1, dependent=True)), 0) for train in (one, mirrored)]
    pd.testing.assert_frame_equal(tables[0], tables[1])


# The run


@dataclass(frozen=True, kw_only=True)
class Untrained(Natural):
    """A neuron a feature, with a dense mixture before "robust" training; nobody trains.

    Attributes:
      diverging: a seed whose nets on shuffled codes are not finite.
    """

    diverging: int | None = None

    def _train(self, kind, net, seeds, before, **options):
        del before, options
        pure = np.tile(np.eye(12, 20, dtype=np.float32), (len(seeds), 1, 1))
        pure = pure + (0.001 * np.asarray(seeds)[:, None, None]).astype(np.float32)
        if kind == SHUFFLED:
            pure[np.asarray(seeds) == self.diverging] = np.nan
        weight = pure + np.float32(0.1) if net == "clean" else pure
        history = {"history_step": np.zeros((len(seeds), 1), int), "history_loss": np.ones((len(seeds), 1))}
        return {"weight": weight, "threshold": np.full((len(seeds), 12), 0.1, np.float32)} | history


def untrained(**changes) -> Untrained:
    own = {name: getattr(TASK, name) for name in ("codes", "net", "evaluation", "statistics", "pictured", "seeds")}
    return Untrained(**own | changes)


@pytest.fixture(scope="module")
def few_attacks(coded):
    """Pictures coded before, and attacks whose programs compile fast."""
    full = attacks.standard
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "natural_codes", lambda codes: coded)
        patch.setattr(attacks, "standard", lambda *about, **settings: full(*about, **settings)[:3])
        patch.setattr(attacks, "APGD", lambda **settings: FGM())
        yield
    data.forget()


@pytest.fixture(scope="module")
def run(tmp_path_factory, few_attacks):
    folder = tmp_path_factory.mktemp("natural")
    return Runner(folder, range(9)).evidence(untrained()), folder


def test_every_kind_is_in_every_table(run):
    evidence, _ = run
    assert evidence.experiment == REAL and evidence.seeds == (0, 1)
    for table in (ROBUSTNESS, WINS, NEURONS, CODES, CODE_SETS):
        assert set(evidence[table].experiment) == set(KINDS)
    assert all(set(evidence[table].seed) == {0, 1} for table in (ROBUSTNESS, WINS, NEURONS))
    assert "seed" not in evidence[CODES] and len(evidence[CODES].drop_duplicates()) == len(evidence[CODES])
    own = beside.of(evidence, SHUFFLED)
    assert set(own[NEURONS].experiment) == {SHUFFLED} and len(own[NEURONS]) == 2 * 12
    assert evidence[NEURONS].purity_robust.mean() > evidence[NEURONS].purity_clean.mean()
    table = evidence[ROBUSTNESS]
    worst = table[table.attack == "worst"].groupby("radius").correct.mean()
    assert len(worst) == 10 and worst.iloc[-1] < worst.iloc[0]
    pictures = evidence[PICTURES]
    assert pictures.groupby("index").value.apply(lambda v: np.abs(v).max()).to_numpy() == pytest.approx(1.0)
    assert pictures["index"].nunique() == 6


def test_the_config_tells_all_and_stays_small(run):
    evidence, _ = run
    assert len(json.dumps(describe(evidence.config))) < 8000
    assert evidence.config.dimension == 20 and evidence.diverged == ()
    sets = evidence[CODE_SETS].set_index("experiment")
    assert sets.sparsity.nunique() == sets.margin.nunique() == sets.radius.nunique() == 1
    assert 0.3 < sets.missed[REAL] <= 0.5
    assert (sets.training_codes > sets.evaluation_codes).all() and (sets.evaluation_codes > 0).all()
    assert beside.radius(evidence) == sets.radius[IDEAL] and "d = 20, m = 12" in evidence.config.setting


def test_finished_work_is_read_back_without_coding(run, monkeypatch):
    evidence, folder = run
    data.forget()
    monkeypatch.setattr(data, "natural_codes", None)
    again = Runner(folder, range(9)).evidence(untrained())
    assert all(again.tables[name].equals(frame) for name, frame in evidence.tables.items())
    path = Runner(folder, range(9)).export(untrained(), (0, 1))
    assert path is not None and path == folder / "trajectories" / "natural.npz"
    with np.load(path) as nets:
        assert nets["w_init"].shape == nets["w_clean"].shape == nets["ideal_w_robust"].shape == (2, 12, 20)
        assert nets["shuffled_b_clean"].shape == (2, 12) and nets["dictionary"].shape == (20, 20)
        assert nets["history_clean_loss"].shape == (1, 2)
    with pytest.raises(TypeError):
        Runner(folder, range(9)).evidence(untrained(net=replace(TASK.net, margin=1.0)))


def test_a_seed_is_measured_by_itself(run, tmp_path):
    evidence, _ = run
    alone = Runner(tmp_path, [1]).evidence(untrained())
    # Random attacks have a key a place along the axis of seeds; these draw nothing.
    steady = [found[ROBUSTNESS].query("attack in ('none', 'universal', 'fgm')") for found in (alone, evidence)]
    neurons = [found[NEURONS] for found in (alone, evidence)]
    for own, both in (steady, neurons):
        both = both[both.seed == 1].reset_index(drop=True)
        pd.testing.assert_frame_equal(own.reset_index(drop=True), both, rtol=1e-6)
    assert alone[CODES].equals(evidence[CODES])


def test_a_seed_that_diverges_on_one_kind_is_left_out_of_all(few_attacks, tmp_path):
    found = Runner(tmp_path, [0, 1]).evidence(untrained(diverging=1))
    assert found.seeds == (0,) and found.diverged == (1,)
    assert set(found[ROBUSTNESS].seed) == {0}


def test_nothing_is_coded_before_a_training_needs_it(monkeypatch):
    data.forget()
    monkeypatch.setattr(data, "natural_codes", None)
    for profile in PROFILES.values():
        for experiment in profile():
            experiment.validate()
            assert [stage.steps for stage in experiment.stages()] == [450, 400] * 3
            assert experiment.setting and experiment.name == REAL
    assert PROFILES["small"]()[0].seeds == 2 and PROFILES["standard"]()[0].seeds == 3
    with pytest.raises(ConfigError, match="atoms d"):
        replace(TASK, codes=replace(TASK.codes, atoms=36)).validate()


@pytest.mark.long
def test_a_whole_run_at_toy_size(tmp_path):
    (toy,) = toys.experiments()
    runner = Runner(tmp_path, range(2))
    evidence = runner.evidence(toy)
    assert set(evidence[ROBUSTNESS].experiment) == set(KINDS) and evidence.diverged == ()
    nets = runner.nets(toy)
    weights = {name: nets[name]["weight"] for name in nets}
    assert list(weights) == [f"{kind}, {net}" for kind in KINDS for net in ("clean", "robust")]
    # Every kind trains its own nets, adversarially from its own clean ones.
    for kind in KINDS:
        clean, trained = (weights[f"{kind}, {net}"] for net in ("clean", "robust"))
        assert np.abs(trained - clean).max() > 1e-3
        cosine = np.sum(clean * trained) / np.linalg.norm(clean) / np.linalg.norm(trained)
        assert cosine > 0.1 and (kind == REAL or not np.allclose(clean, weights[f"{REAL}, clean"]))
    assert all(claim.check({REAL: evidence}).parts for claim in PAPER.claims)
    # Nothing of the codes stays behind.
    assert data._coded.cache_info().currsize == data._kind.cache_info().currsize == 0


def test_every_claim_can_be_judged_and_drawn(run):
    evidence, _ = run
    ids = ["natural-codes", "natural-nonrobust", "natural-robust", "natural-purification"]
    assert [claim.id for claim in PAPER.claims] == ids
    for claim in PAPER.claims:
        verdict = claim.check({REAL: evidence}, PAPER.name)
        assert verdict.parts and verdict.note and verdict.experiments == (REAL,) and verdict.paper == "natural-codes"
        assert verdict.kind == "question" and verdict.answer in ("yes", "no", "open")
        assert verdict.figures == ("natural-codes",)
    (figure,) = PAPER.claims[0].figures
    assert figure.shows(evidence) and len(figure.draw(evidence).axes) == 4


# The claims


def evidence_of(**tables):
    """Evidence of these tables, judged at τ = 0.5."""
    sets = pd.DataFrame({"experiment": KINDS, "radius": 0.5})
    return Evidence(TASK, {CODE_SETS.name: sets} | tables)


def judged_as(real, ideal, shuffled=0.5, net="clean", points=2000):
    """Evidence in which this share of the points stands the worst case at τ, and all are right without an attack."""
    rows = []
    for kind, share in ((REAL, real), (SHUFFLED, shuffled), (IDEAL, ideal)):
        for seed in (0, 1):
            for name in ("clean", "robust"):
                for attack, radius in (("none", 0.0), ("worst", 0.0), ("worst", 0.5)):
                    right = share if attack == "worst" and radius and name == net else 1.0
                    row = {"experiment": kind, "seed": seed, "net": name, "attack": attack, "radius": radius}
                    rows.append(row | {"correct": round(right * points), "points": points, "spent": 1.0})
    wins = pd.DataFrame({"experiment": [REAL], "seed": [0], "net": [net], "attack": ["fgm"], "broke": [3]})
    return evidence_of(**{ROBUSTNESS.name: pd.DataFrame(rows), WINS.name: wins, FINDINGS.name: FINDINGS.empty()})


@pytest.mark.parametrize(
    "real,ideal,outcome",
    [(0.001, 0.001, "holds"), (0.3, 0.001, "refuted"), (0.3, 0.05, "refuted"), (0.05, 0.05, "inconclusive")],
)
def test_what_the_theorys_codes_miss_refutes_nothing_but_what_real_ones_miss_beside_them(real, ideal, outcome):
    verdict = nonrobust.CLAIM.check({REAL: judged_as(real, ideal)})
    assert verdict.outcome == outcome
    assert verdict.parts[1].refutable == (ideal < 0.01)
    difference = verdict.parts[-1]
    assert difference.measured == pytest.approx(real - ideal) and difference.bound == beside.SLACK
    assert difference.unit == "share of points"


@pytest.mark.parametrize(
    "real,ideal,outcome",
    [(0.999, 0.999, "holds"), (0.8, 0.999, "refuted"), (0.8, 0.96, "refuted"), (0.96, 0.96, "inconclusive")],
)
def test_robustness_is_judged_beside_the_theorys_codes(real, ideal, outcome):
    assert robust.CLAIM.check({REAL: judged_as(real, ideal, net="robust")}).outcome == outcome


def test_differences_cover_both_seeds_intervals_and_take_common_seeds():
    evidence = judged_as(0.3, 0.1)
    rows = evidence[ROBUSTNESS]
    rows = rows[(rows.experiment != IDEAL) | (rows.seed == 1)]
    evidence = replace(evidence, tables={**evidence.tables, ROBUSTNESS.name: rows})
    part = beside.beside_ideal(evidence, "clean", "<=", 0.0)
    assert [value.seed for value in part.seeds] == [1]
    (value,) = part.seeds
    # ± 1.96 √(p q/n) of both: 0.020 and 0.013.
    assert value.low == pytest.approx(0.2 - 0.033, abs=0.002) and value.high == pytest.approx(0.2 + 0.033, abs=0.002)


def test_the_note_tells_the_widest_gap_and_what_broke_the_net():
    note = nonrobust.CLAIM.check({REAL: judged_as(0.3, 0.001)}).note
    assert "real 100.0% and 30.0%, shuffled 100.0% and 50.0%, the theory's own 100.0% and 0.1%" in note
    assert "30% and 100% at 1 τ on real codes, 0% and 100% at 1 τ on the theory's own codes" in note
    assert "Points broken, by the attack that came first: fgm 3." in note


def test_premises_hold_for_independent_codes_and_are_refuted_by_dependence():
    for dependent, outcome in ((False, "holds"), (True, "refuted")):
        tables = []
        for kind in KINDS:
            # A rate of ¼ is not sparse: 24 coordinates of it among 96 are.
            one, two = (np.pad(drawn(seed, dependent=dependent), ((0, 0), (0, 72))) for seed in (0, 1))
            tables.append(code_table(kind, half(one), half(two), TASK.statistics, 50))
        codes = pd.concat(tables)
        even = codes.quantity == "even energy"
        codes.loc[even, ["value", "low", "high"]] = 1.0
        verdict = codes_claim.CLAIM.check({REAL: evidence_of(**{CODES.name: codes})})
        # Codes belong to no seed of the nets.
        assert verdict.outcome == outcome and verdict.seeds == ()
        assert all(part.seeds[0].seed is None for part in verdict.parts) and len(verdict.parts) == 8
        assert "2000 patches that do not overlap" in verdict.note and verdict.note.startswith("d = 20, codes that miss")
        assert any("within a factor 4 of its mean" in part.quantity for part in verdict.parts)
        refuted = [part.quantity for part in verdict.parts if part.outcome == "refuted"]
        assert all("supports" in quantity for quantity in refuted) and bool(refuted) == dependent


def test_purification_is_answered_with_no_where_the_theorys_codes_meet_the_bound():
    def neurons(kind, kept):
        rows = {"experiment": kind, "seed": 0, "live_clean": True, "live_robust": True, "feature_clean": np.arange(400)}
        rows["feature_robust"] = np.where(np.arange(400) < kept, np.arange(400), -1)
        rows |= {"mixture_clean": 1.0, "mixture_robust": 0.01, "purity_clean": 0.7, "purity_robust": 0.9}
        return pd.DataFrame(rows | {"cos_clean_robust": 0.9})

    def verdict(real, ideal):
        table = pd.concat([neurons(REAL, real), neurons(SHUFFLED, 100), neurons(IDEAL, ideal)])
        return purification.CLAIM.check({REAL: evidence_of(**{NEURONS.name: table})})

    assert verdict(400, 400).outcome == "holds" and verdict(200, 400).outcome == "refuted"
    assert verdict(400, 400).answer == "yes" and verdict(200, 400).answer == "no"
    assert verdict(200, 200).outcome == "inconclusive" and len(verdict(200, 200).parts) == 4
    assert "real: median C from 1.00 to 0.01; 100%, 50%, 100%; 400 features found" in verdict(200, 400).note

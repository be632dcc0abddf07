"""The patch experiments from training to verdicts, at a size that takes seconds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from purifyjax.errors import ConfigError
from theory_checks.measuring.attacked import CERTIFICATES, ROBUSTNESS
from theory_checks.papers.structured_data import PAPER, measure
from theory_checks.papers.structured_data.config import PatchEvaluation
from theory_checks.papers.structured_data.experiment import Race, patches
from theory_checks.papers.structured_data.tables import ALIGNMENTS, RACE
from theory_checks.runner import Runner
from theory_checks.trained import TrainedNets

CLAIMS = {claim.id: claim for claim in PAPER.claims}
SEEDS = np.array([0, 5])
_FULL = patches(2, seeds=2)
SMALL = replace(
    _FULL,
    # P_NR β² = 2.9 P_R α²: the non-robust feature leads.
    data=_FULL.data.replace(dimension=16, patches=9, nonrobust_strength=0.6),
    filters=4,
    samples=128,
    clean=_FULL.clean.replace(steps=100, batch_size=64),
    robust=_FULL.robust.replace(steps=100, parts=9, clean_steps=20),
    evaluation=PatchEvaluation(points=40, curve_points=20),
)


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    return Runner(tmp_path_factory.mktemp("patches"), SEEDS)


@pytest.fixture(scope="module")
def evidence(runner):
    return runner.evidence(SMALL)


def test_standard_training_fits_and_prefers_the_nonrobust_features(evidence):
    table = evidence[ROBUSTNESS]
    rows = table[(table.net == "clean") & (table.attack == "training")]
    assert (rows.correct == SMALL.samples).all() and list(rows.seed) == [0, 5]
    learned = evidence[ALIGNMENTS]
    last = learned[(learned.net == "clean") & (learned.step == 100)]
    assert last.nonrobust.mean() > last.robust.mean()
    assert set(learned.label) == {0, 1}


def test_worst_case_is_no_better_than_any_attack_and_certificates_no_better_than_attacks(evidence):
    table = evidence[ROBUSTNESS]
    table = table[np.isclose(table.radius, SMALL.radius)]
    for _, rows in table.groupby(["seed", "net"]):
        whole = rows[rows.attack.isin(["noise", "universal", "pgd"])]
        worst = rows[(rows.attack == "worst") & (rows.points == whole.points.iloc[0])]
        assert worst.correct.iloc[0] <= whole.correct.min()
    assert (evidence[CERTIFICATES].certified <= evidence[CERTIFICATES].standing).all()


def test_both_nets_start_from_the_same_weights_on_the_same_sample(evidence):
    x, y = measure.training_sample(SMALL, SEEDS)
    again, _ = measure.training_sample(SMALL, SEEDS)
    np.testing.assert_array_equal(x, again)
    learned = evidence[ALIGNMENTS]
    assert len(learned[learned.step == learned.step.min()]) == 2 * 2 * 2 and y.shape == (2, SMALL.samples)


def test_finished_work_is_read_back(evidence, runner, monkeypatch):
    monkeypatch.setattr(TrainedNets, "_train", None)
    monkeypatch.setattr(type(SMALL), "measure", None)
    again = runner.evidence(SMALL)
    assert again[ROBUSTNESS].equals(evidence[ROBUSTNESS]) and again.config == evidence.config


def test_every_claim_can_be_judged_on_both_numbers_of_classes(evidence):
    evidences = {"patches-2": evidence, "patches-10": evidence}
    claims = [claim for claim in PAPER.claims if claim.experiment == "patches-2"]
    assert len(claims) == 8
    for claim in claims:
        verdict = claim.check(evidences)
        assert verdict.experiments == ("patches-2", "patches-10")
        assert len(verdict.parts) == 2 * len(claim.measure(evidence))
        assert all(part.quantity.startswith("K = 2: ") for part in verdict.parts)
        assert verdict.figures
    fits = CLAIMS["standard-fits"].check(evidences)
    assert fits.outcome == "holds" and fits.binding.measured == 1.0


def test_the_race_turns_round_near_the_predicted_strength(tmp_path):
    recipe = Race(name="race", seeds=1).recipe.replace(steps=150)
    race = Race(name="race", radii=(0.0, 0.2), strengths=(0.2, 0.4, 0.6, 0.8), seeds=2, filters=10, recipe=recipe)
    evidence = Runner(tmp_path, SEEDS).evidence(race)
    found = evidence[RACE]
    assert len(found) == 2 * 2 * 4
    mean = found.groupby(["radius", "strength"]).log_ratio.mean()
    # β* is 0.41 at ε = 0 and 0.52 at ε = 0.2.
    assert mean[0.0, 0.2] < 0 < mean[0.0, 0.6]
    assert mean[0.2, 0.4] < 0 < mean[0.2, 0.8]
    verdict = CLAIMS["feature-race"].check({"race": evidence})
    # The mean over seeds is a number of no single seed.
    assert verdict.seeds == () and "over 2 seeds" in verdict.note and verdict.figures == ("race-race",)


def test_a_setting_out_of_range_is_named(tmp_path):
    runner = Runner(tmp_path, SEEDS)
    with pytest.raises(ConfigError, match="batch_size"):
        runner.evidence(replace(SMALL, samples=32))
    with pytest.raises(ConfigError, match="robust_patches"):
        runner.evidence(replace(SMALL, data=SMALL.data.replace(robust_patches=9)))

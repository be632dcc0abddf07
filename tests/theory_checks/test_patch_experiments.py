"""The patch experiments from training to verdicts, at a size that takes seconds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from purifyjax.errors import ConfigError
from theory_checks import run_patches
from theory_checks.claims import CLAIMS
from theory_checks.experiments import Race, patch_task
from theory_checks.measure import patches as measure

CLAIMS_BY_ID = {claim.id: claim for claim in CLAIMS}
SEEDS = np.array([0, 5])
_TASK = patch_task(2, seeds=2)
TASK = replace(
    _TASK,
    # P_NR β² = 2.9 P_R α²: the non-robust feature leads.
    data=_TASK.data.replace(dimension=16, patches=9, nonrobust_strength=0.6),
    filters=4,
    samples=128,
    clean=_TASK.clean.replace(steps=100, batch_size=64),
    robust=_TASK.robust.replace(steps=100, parts=9, clean_steps=20),
    points=40,
    curve_points=20,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("patches")


@pytest.fixture(scope="module")
def evidence(folder):
    return run_patches.patch_evidence(TASK, SEEDS, folder, resume=True)


@pytest.fixture(scope="module")
def race():
    recipe = Race().recipe.replace(steps=150)
    return Race(radii=(0.0, 0.2), strengths=(0.2, 0.4, 0.6, 0.8), seeds=2, filters=10, recipe=recipe)


def test_standard_training_fits_and_prefers_the_nonrobust_features(evidence):
    rows = evidence.robustness[(evidence.robustness.net == "clean") & (evidence.robustness.attack == "training")]
    assert (rows.correct == TASK.samples).all() and list(rows.seed) == [0, 5]
    last = evidence.alignments[(evidence.alignments.net == "clean") & (evidence.alignments.step == 100)]
    assert last.nonrobust.mean() > last.robust.mean()
    assert set(evidence.alignments.label) == {0, 1}


def test_worst_case_is_no_better_than_any_attack_and_certificates_no_better_than_attacks(evidence):
    table = evidence.robustness[np.isclose(evidence.robustness.radius, TASK.radius)]
    for _, rows in table.groupby(["seed", "net"]):
        whole = rows[rows.attack.isin(["noise", "universal", "pgd"])]
        worst = rows[(rows.attack == "worst") & (rows.points == whole.points.iloc[0])]
        assert worst.correct.iloc[0] <= whole.correct.min()
    assert (evidence.certificates.certified <= evidence.certificates.standing).all()


def test_both_nets_start_from_the_same_weights_on_the_same_sample(evidence, folder, monkeypatch):
    x, y = measure.training_sample(TASK, SEEDS)
    again, _ = measure.training_sample(TASK, SEEDS)
    np.testing.assert_array_equal(x, again)
    first = evidence.alignments[evidence.alignments.step == evidence.alignments.step.min()]
    assert len(first) == 2 * 2 * 2 and y.shape == (2, TASK.samples)


def test_finished_work_is_read_back(evidence, folder, monkeypatch):
    monkeypatch.setattr(run_patches, "train_classifiers", None)
    monkeypatch.setattr(measure, "measure", None)
    again = run_patches.patch_evidence(TASK, SEEDS, folder, resume=True)
    assert again.robustness.equals(evidence.robustness) and again.config == evidence.config


def test_every_claim_can_be_judged_on_both_numbers_of_classes(evidence):
    evidences = {"patches-2": evidence, "patches-10": evidence}
    claims = [claim for claim in CLAIMS if claim.experiment == "patches-2"]
    assert len(claims) == 8
    for claim in claims:
        verdict = claim.check(evidences)
        assert verdict.experiment == "patches-2, patches-10"
        assert len(verdict.parts) == 2 * len(claim.measure(evidence))
        assert all(part.quantity.startswith("K = 2: ") for part in verdict.parts)
    fits = CLAIMS_BY_ID["standard-fits"].check(evidences)
    assert fits.outcome == "holds" and fits.binding.measured == 1.0


def test_the_race_turns_round_near_the_predicted_strength(race, tmp_path):
    found = run_patches.race_evidence(race, SEEDS, tmp_path, resume=True).race
    assert len(found) == 2 * 2 * 4
    mean = found.groupby(["radius", "strength"]).log_ratio.mean()
    # β* is 0.41 at ε = 0 and 0.52 at ε = 0.2.
    assert mean[0.0, 0.2] < 0 < mean[0.0, 0.6]
    assert mean[0.2, 0.4] < 0 < mean[0.2, 0.8]


def test_a_setting_out_of_range_is_named(tmp_path):
    bad = replace(TASK, samples=32)
    with pytest.raises(ConfigError, match="batch_size"):
        run_patches.patch_evidence(bad, SEEDS, tmp_path, resume=True)
    bad = replace(TASK, data=TASK.data.replace(robust_patches=9))
    with pytest.raises(ConfigError, match="robust_patches"):
        run_patches.patch_evidence(bad, SEEDS, tmp_path, resume=True)

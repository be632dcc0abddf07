"""Clean trainings differ from the default in one thing each, and infinite-data is judged by every one of them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from purifyjax.commands.progress import Progress
from purifyjax.training.recipes import feature_purification
from theory_checks import catalogue
from theory_checks.evidence import Evidence
from theory_checks.measuring.two_layer import SIZES
from theory_checks.papers.feature_purification.claims.infinite_data import CLAIM
from theory_checks.papers.feature_purification.samples import DECAY, OPTIMISER, SAMPLE, CleanTrainings
from theory_checks.papers.feature_purification.tables import CLEAN_TRAININGS

TRAINING, TAU = feature_purification(**SIZES["standard"])
CONFIG = CleanTrainings(training=TRAINING, radius=TAU, monitored_radius=TAU, seeds=2)


def changes(training):
    """Fields in which a training differs from the default, over all its phases."""
    own = {
        f"training.{name}" for name in ("optimizer", "momentum") if getattr(training, name) != getattr(TRAINING, name)
    }
    for phase, default in zip(training.clean, TRAINING.clean, strict=True):
        own |= {name for name, value in vars(phase).items() if value != getattr(default, name)}
    return own


def test_a_variation_changes_what_it_says_and_nothing_else():
    rates = {"learning_rate", "learning_rate_end"}
    expected = {
        (SAMPLE, "fresh"): set(),
        (SAMPLE, "N = 1000"): {"sample_size"},
        (SAMPLE, "N = 16000"): {"sample_size"},
        (DECAY, "λ = 1e-05"): {"weight_decay"},
        (DECAY, "default"): set(),
        (DECAY, "λ = 0.01"): {"weight_decay"},
        (OPTIMISER, "SGD"): {"training.momentum"} | rates,
        (OPTIMISER, "heavy ball"): set(),
        (OPTIMISER, "Adam"): {"training.optimizer"} | rates,
    }
    assert {(v.axis, v.name): changes(v.training) for v in CONFIG.variations()} == expected
    assert max(CONFIG.decays) / min(CONFIG.decays) >= 999
    assert min(CONFIG.decays) < TRAINING.clean[0].weight_decay < max(CONFIG.decays)


def test_sgd_without_momentum_moves_as_far_a_step():
    sgd = next(v.training for v in CONFIG.variations() if v.name == "SGD")
    assert sgd.clean[1].learning_rate == pytest.approx(TRAINING.clean[1].learning_rate / (1 - TRAINING.momentum))


def test_the_default_is_trained_once_and_shares_the_nets_of_feature_purification(toy):
    experiments = catalogue.experiments(catalogue.papers(), "toy")
    names = [stage.name for stage in CONFIG.stages()]
    assert len(names) == len(set(names)) == 7
    own = next(stage for stage in experiments["clean-trainings"].stages() if stage.name == "clean")
    assert own == experiments["default"].stages()[0]


def test_measures_every_training_on_the_same_points(toy):
    experiment = catalogue.experiments(catalogue.papers(), "toy")["clean-trainings"]
    assert isinstance(experiment, CleanTrainings)
    seeds = np.array([3, 4])
    draw = np.random.default_rng(0)
    shape = (2, experiment.training.neurons, experiment.dimension)
    silent = {"weight": np.zeros(shape, np.float32), "threshold": np.ones(shape[:2], np.float32)}
    # A net that sums the code is always right, one that is silent never.
    summing = silent | {"weight": np.ones(shape, np.float32), "threshold": np.zeros(shape[:2], np.float32)}
    nets = {stage.name: summing if draw.random() < 0.5 else silent for stage in experiment.stages()}
    nets["clean"] = summing
    found = experiment.measure(seeds, nets, Progress("toy", silent=True)).tables[CLEAN_TRAININGS]
    assert len(found) == 2 * len(list(experiment.variations()))
    for variation in experiment.variations():
        rows = found[(found.axis == variation.axis) & (found.training == variation.name)]
        right = nets[experiment._stage(variation).name] is summing
        assert (rows.clean == (experiment.points if right else 0)).all()
        assert (rows.robust <= rows.clean).all()


def evidence(**standing):
    """Accuracy at τ of every training, in points of 4096; 2 where nothing is said."""
    rows = [
        ("clean-trainings", seed, v.axis, v.name, v.value, 4096, standing.get(v.name.replace(" ", ""), 2), 4096)
        for v in CONFIG.variations()
        for seed in (0, 1)
    ]
    return Evidence(CONFIG, {CLEAN_TRAININGS.name: pd.DataFrame(rows, columns=list(CLEAN_TRAININGS.columns))}, (0, 1))


def test_infinite_data_holds_if_no_training_is_robust():
    verdict = CLAIM.check({"clean-trainings": evidence()})
    assert verdict.outcome == "holds"
    assert len(verdict.parts) == 7 + 5  # the default once; clean accuracy is not asked of fixed samples
    assert "Adam 0.0%" in verdict.note


@pytest.mark.parametrize("robust", ["Adam", "SGD", "N=1000", "fresh", "λ=0.01"])
def test_infinite_data_is_refuted_by_a_single_robust_training(robust):
    assert CLAIM.check({"clean-trainings": evidence(**{robust: 200})}).outcome == "refuted"


def test_infinite_data_needs_accurate_nets_on_fresh_samples():
    found = evidence()
    table = found[CLEAN_TRAININGS]
    table.loc[table.training == "Adam", "clean"] = 2000
    assert CLAIM.check({"clean-trainings": found}).outcome == "refuted"
    table.loc[table.training == "Adam", "clean"] = 4096
    table.loc[table.training == "N = 1000", "clean"] = 2000
    assert CLAIM.check({"clean-trainings": found}).outcome == "holds"


def test_values_order_the_axes():
    values = {v.name: v.value for v in CONFIG.variations()}
    assert values["N = 1000"] < values["N = 16000"] < values["fresh"] == math.inf
    assert math.isnan(values["Adam"])

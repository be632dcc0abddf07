"""Simpler classes: a whole toy run."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from purifyjax.attacks import PGD
from purifyjax.balls import Ball
from purifyjax.commands.progress import Progress
from tests.theory_checks.toys import simpler_classes as toys
from theory_checks.measuring.two_layer import Monitor, stages
from theory_checks.papers.feature_purification import experiment as feature_purification
from theory_checks.papers.simpler_classes import PAPER, measure
from theory_checks.papers.simpler_classes.candidates import candidates
from theory_checks.papers.simpler_classes.experiment import PROFILES
from theory_checks.papers.simpler_classes.tables import CLASS_BOUNDS, CLASS_LOSSES, CLASSES
from theory_checks.runner import Runner
from theory_checks.trained import stage_marks

FAMILIES = ("linear", "polynomial", "tangent kernel", "random features", "ReLU net")
(TOY,) = toys.experiments()
PGD_ALONE = (("PGD", PGD.for_training(3), 1.0),)
# A fit and an attack are programs that take seconds to compile: one training and two radii stand for all.
FEW = replace(
    TOY,
    attack_steps=2,
    curve=(0.5,),
    search=replace(TOY.search, cubic_rates=(0.3,), adversaries=PGD_ALONE, wide_adversaries=PGD_ALONE),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("classes")


@pytest.fixture(scope="module")
def measured(folder):
    return Runner(folder, range(2)).evidence(FEW)


def test_every_model_of_every_seed_is_judged_at_every_radius(measured):
    table = measured[CLASSES]
    assert set(table.family) == set(FAMILIES) and set(table.seed) == {0, 1} and set(table.experiment) == {"classes"}
    assert (table.robust <= table.clean).all() and (table.points == 32).all()
    models = table.groupby(["family", "model", "training", "rate", "seed"], dropna=False)
    for (family, *_), rows in models:
        radii = [0.2] if (rows.width == 64).all() else [0, 0.1, 0.2]  # wide kernels are judged at τ
        assert rows.radius.tolist() == pytest.approx(radii) or family == "linear"
        if family != "linear":  # which has an intercept of its own at every radius
            assert rows.clean.nunique() == 1 and (np.diff(rows.robust) <= 0).all()
    fitted = table[table.rate.notna()]
    assert set(fitted.training) == {"PGD"} and set(fitted.converged) <= {True, False}
    assert np.isfinite(fitted["drop"]).all() and table[table.rate.isna()].converged.isna().all()
    assert set(table[table.model == "m = ∞, 1 sd"].seed) == {0, 1}
    assert len(measured[CLASS_BOUNDS]) == 1 and "seed" not in measured[CLASS_BOUNDS]
    curves = measured[CLASS_LOSSES].groupby(["seed", "family", "model", "training", "rate"])
    assert len(curves) == (len(fitted) + 2 * (fitted.width == 64).sum()) / 3 and all(
        len(rows) == 20 for _, rows in curves
    )


def test_a_seeds_fits_do_not_depend_on_the_others():
    (cheapest, *_) = candidates(FEW)
    found = []
    for seeds in (np.array([0, 1]), np.array([1])):
        points = measure.judged_points(FEW, seeds)
        with Progress("classes", silent=True) as progress:
            rows, losses = measure.fitted(FEW, seeds, points, cheapest, progress)
            assert progress._done == pytest.approx(1.0)
        for frame in (pd.DataFrame(rows), pd.concat(losses)):
            found.append(frame[frame.seed == 1].reset_index(drop=True))
    # Keys of attacks hang on the place among the seeds: what they find may differ, what is fitted must not.
    both, both_losses, alone, alone_losses = found
    assert alone.drop(columns="robust").equals(both.drop(columns="robust"))
    assert len(alone_losses) and alone_losses.equals(both_losses)


def test_all_claims_can_be_judged_and_have_their_figure(measured):
    for claim in PAPER.claims:
        verdict = claim.check({"classes": measured}, PAPER.name)
        assert verdict.outcome in ("holds", "refuted", "inconclusive")
        assert verdict.figures[0] == "classes-classes" and set(verdict.figures[1:]) <= {"classes-degrees"}
    figures = {figure.name: figure for claim in PAPER.claims for figure in claim.figures}
    assert {name: len(figure.draw(measured).axes) for name, figure in figures.items()} == {"classes": 2, "degrees": 1}


def test_finished_work_is_read_back(folder, measured, monkeypatch):
    monkeypatch.setattr(measure, "judged", None)
    again = Runner(folder, range(2)).evidence(FEW)
    assert all(again.tables[name].equals(frame) for name, frame in measured.tables.items())


def test_the_nets_are_those_of_the_same_training():
    shared = [stage_marks(TOY)[stage.name] for stage in TOY.stages()]
    assert len({*shared}) == 2
    for experiment in (replace(TOY, radius=0.1), replace(TOY, points=16, name="other")):
        assert [*stage_marks(experiment).values()] == shared
    assert [stage_marks(replace(TOY, monitored_radius=0.1))[stage] for stage in ("clean", "robust")] != shared
    assert TOY.stages() == stages(TOY.training, Monitor(Ball(TOY.monitored_radius, "l2"), mixtures=True))


def test_the_nets_are_those_of_feature_purification():
    """Trained once for both, at every profile."""
    for name, experiments in PROFILES.items():
        (ours,), (default, *_) = experiments(), feature_purification.PROFILES[name]()
        assert default.name == "default" and stage_marks(ours).items() <= stage_marks(default).items()
        assert ours.setting == default.setting


def test_another_radius_moves_all_radii_and_no_training():
    scaled = TOY.at_scale(2.0)
    assert scaled.radii == pytest.approx([2 * radius for radius in TOY.radii]) and scaled.radii[-1] == scaled.radius
    assert scaled.monitored_radius == TOY.monitored_radius and scaled.ball == Ball(2 * TOY.radius)


def test_linear_rows_are_exact():
    """Of the classifier x ↦ ⟨Mw*, x⟩ an attack finds as many points as the closed form."""
    seeds = np.arange(2)
    points = measure.judged_points(TOY, seeds)
    rows = pd.DataFrame(measure.linear(TOY, seeds, points))
    mixture = rows[rows.model == "M w*"].sort_values(["seed", "radius"])
    w = np.ones(32) / np.sqrt(32)

    def margin_of(_):
        return lambda x, y: y * jnp.matmul(x, jnp.asarray(w, jnp.float32))

    found = pd.DataFrame(measure.judged(TOY, seeds, points, {"model": "M w*"}, margin_of, jnp.zeros(2)))
    found = found.sort_values(["seed", "radius"])
    assert np.abs(mixture.robust.to_numpy() - found.robust.to_numpy()).max() <= 1
    assert mixture.clean.tolist() == found.clean.tolist()


def test_models_are_known_by_their_values():
    first, second = ([*candidates(TOY)] for _ in range(2))
    assert first == second and len({candidate.margin_of for candidate in first + second}) == len(first)
    names = [(candidate.family, candidate.name, len(candidate.rates)) for candidate in first]
    assert names == [
        ("polynomial", "degree 2, symmetric", 1),
        ("polynomial", "degree 3, symmetric", 2),
        ("polynomial", "degree 5, a coordinate", 1),
        ("polynomial", "degree 3, generic", 1),
        ("tangent kernel", "m = 32, 1 sd", 1),
        ("tangent kernel", "m = 64, own initial gates", 1),
        ("random features", "m = 8, 1 sd", 1),
    ]


def test_the_profiles_sizes():
    for name, experiments in PROFILES.items():
        (experiment,) = experiments()
        experiment.validate()
        assert experiment.name == "classes" and experiment.seeds == (4 if name == "paper" else 2)
        assert experiment.monitored_radius == experiment.radius == experiment.reference_radius
    (quick,), (standard,) = PROFILES["quick"](), PROFILES["standard"]()
    # In minutes: the network's own kernel, and no clean training.
    assert quick.search.tangent == ((1, 1.0), (1, None)) and quick.search.kernel_points == 512
    assert [share for _, _, share in quick.search.adversaries] == [1.0, 0.5]
    assert {factor for factor, _ in standard.search.tangent} == {1, 2, 4}
    assert {sd for factor, sd in standard.search.tangent if factor == 4} == {1.0, None}
    named = [(adversary and adversary.name, share) for _, adversary, share in standard.search.adversaries]
    assert named == [(None, 0.0), ("fgm", 1.0), ("fgm", 0.5), ("pgd", 1.0)]
    assert quick.search.degrees == (3, 5, 7, 9, 11)

"""Purification in convolutional nets: claims on tables made up so that the answer is known, and whole toy runs."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.theory_checks.toys import deep_purification as toys
from tests.theory_checks.toys._image_nets import shortened
from theory_checks.evidence import Evidence
from theory_checks.measuring.image_nets import IMAGE_ROBUSTNESS
from theory_checks.measuring.pictures import PICTURES
from theory_checks.measuring.ranks import RANKS
from theory_checks.papers.deep_purification import PAPER
from theory_checks.papers.deep_purification.claims import aligned, init, sparse
from theory_checks.papers.deep_purification.experiment import at_size
from theory_checks.papers.deep_purification.tables import ANGLES, SPARSITY
from theory_checks.runner import Runner
from theory_checks.trained import stage_marks

CONVNET, RESNET = toys.experiments()
SEEDS = range(4)


def angle_table(architecture, **means):
    draw = np.random.default_rng(1)
    rows = [
        {"seed": seed, "architecture": architecture, "layer": layer, "pair": pair, "filter": i, "angle": a}
        for seed in SEEDS
        for layer in ("Dense_0/kernel", "Dense_1/kernel", "Dense_2/kernel")
        for pair, mean in means.items()
        # The last layer holds the classes: whatever its angles, they do not count.
        for i, a in enumerate(draw.normal(10.0 if layer == "Dense_2/kernel" else mean, 3.0, 30))
    ]
    return pd.DataFrame(rows)


def angle_evidence(forgotten, between):
    pairs = {"init-clean": forgotten, "init-robust": forgotten, "clean-robust": between}
    pairs |= {"init-scratch": 80, "clean-scratch": 60}
    return {
        experiment.name: Evidence(experiment, {ANGLES.name: angle_table(experiment.name, **pairs)})
        for experiment in (CONVNET, RESNET)
    }


@pytest.mark.parametrize(
    ("forgotten", "between", "forgets", "stays"),
    [
        (85, 30, "holds", "holds"),
        (60, 30, "refuted", "holds"),
        (85, 60, "holds", "refuted"),
        (75, 45, "inconclusive", "inconclusive"),
    ],
)
def test_angles_are_judged_layer_by_layer_without_the_last(forgotten, between, forgets, stays):
    found = angle_evidence(forgotten, between)
    assert init.CLAIM.check(found).outcome == forgets
    verdict = aligned.CLAIM.check(found)
    assert verdict.outcome == stays and len(verdict.parts) == 4
    assert not any("Dense_2" in part.quantity for part in verdict.parts)
    assert all(part.unit == "degrees" for part in verdict.parts)


@pytest.mark.parametrize(
    ("robust", "clean", "perturbation", "outcome"),
    [(0.3, 0.5, 0.8, "holds"), (0.5, 0.3, 0.8, "refuted"), (0.3, 0.5, 0.2, "refuted")],
)
def test_sparse_reconstruction_compares_filters_and_signals(robust, clean, perturbation, outcome):
    draw = np.random.default_rng(2)
    means = {("robust", "images"): robust, ("clean", "images"): clean, ("initial", "images"): 0.9}
    rows = [
        {
            "seed": seed,
            "filters": filters,
            "signal": signal,
            "point": point,
            "atoms": atoms,
            "error": mean / atoms * 4 + e,
        }
        for seed in SEEDS
        for filters in ("initial", "clean", "robust")
        for signal in ("images", "perturbations of the clean net", "perturbations of the robust net")
        for mean in [means.get((filters, signal), perturbation)]
        for atoms in (2, 4)
        for point, e in enumerate(draw.normal(0, 0.05, 40))
    ]
    verdict = sparse.CLAIM.check({"convnet": Evidence(CONVNET, {SPARSITY.name: pd.DataFrame(rows)})})
    assert verdict.outcome == outcome and verdict.kind == "experiment"


def test_the_sizes_of_all_profiles_are_valid():
    for name, profile in PAPER.profiles.items():
        sizes: Any = profile()
        convnet, resnet = sizes
        assert name in PAPER.summaries and convnet.seeds == resnet.seeds == {"small": 3, "standard": 5}.get(name, 8)
        assert convnet.ranks == (1, 2, 4, 8, 16) and resnet.ranks == ()
        for experiment in (convnet, resnet):
            experiment.validate()
        # What decays by itself of w⁰ over clean training is all but e^−3: the mean of η is half of its start.
        recipe = convnet.nets[0].recipe
        shrinking = 0.5 * recipe.learning_rate * recipe.steps * recipe.weight_decay / (1 - recipe.momentum)
        assert shrinking == pytest.approx(3.0)


def test_experiments_of_the_same_nets_share_them():
    convnet, resnet = stage_marks(CONVNET), stage_marks(RESNET)
    assert all(convnet[net] == resnet[net] for net in resnet)  # both toys have the same small network
    assert stage_marks(CONVNET.at_scale(0.5)) == convnet
    real = at_size(seeds=1)()
    assert real[0].nets[0] == real[1].nets[0]  # but of other networks
    assert not set(stage_marks(real[0]).values()) & set(stage_marks(real[1]).values())


@pytest.mark.long
def test_a_whole_run(tmp_path):
    runner = Runner(tmp_path, range(2))
    found = {experiment.name: runner.evidence(experiment) for experiment in (CONVNET, RESNET)}
    convnet, resnet = found["convnet"], found["resnet"]
    assert set(convnet[ANGLES].experiment) == {"convnet"} and set(resnet[ANGLES].architecture) == {"resnet"}
    assert resnet[SPARSITY].empty and resnet[PICTURES].empty and resnet[RANKS].empty
    ranks = convnet[RANKS].groupby("seed")
    assert set(convnet[RANKS]["rank"]) == {0, 1, 8} and set(convnet[RANKS].net) == {"alexnet"}
    assert (ranks.full.sum() == 1).all() and (convnet[RANKS].robust <= convnet[RANKS].clean).all()
    assert (convnet[RANKS][convnet[RANKS].full].lost == 0).all()
    errors = convnet[SPARSITY].set_index(["seed", "filters", "signal", "point", "atoms"]).error
    assert (errors.groupby(["seed", "filters", "signal", "point"]).diff().dropna() < 1e-9).all()
    assert set(convnet[PICTURES].figure) == {"filters", "maximisers", "perturbations"}
    assert set(convnet[PICTURES].seed) == {0}
    drawn = set()
    for claim in PAPER.claims:
        verdict = claim.check(found, PAPER.name)
        assert verdict.parts and all(len(part.seeds) == 2 for part in verdict.parts)
        drawn |= set(verdict.figures)
        for figure in claim.figures:
            for name in claim.experiments:
                assert not figure.shows(found[name]) or figure.draw(found[name])
    kinds = ("angles", "filters", "maximisers", "perturbations", "sparsity_curves")
    assert drawn == {"resnet-angles", *(f"convnet-{kind}" for kind in kinds)}


@pytest.mark.filterwarnings("ignore:.*not the official file")
def test_other_data_sets_run_from_their_files(tmp_path):
    """Nets are trained on what lies in the folder."""
    draw = np.random.default_rng(0)
    for name, count in (("train", 40), ("t10k", 12)):
        for kind, shape in (("images-idx3", (count, 28, 28)), ("labels-idx1", (count,))):
            values = draw.integers(0, 256 if len(shape) > 1 else 10, shape, dtype=np.uint8)
            header = struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape)
            (tmp_path / f"{name}-{kind}-ubyte").write_bytes(header + values.tobytes())
    moved = [experiment.on_images("mnist", tmp_path) for experiment in (CONVNET, RESNET)]
    assert [experiment.dataset for experiment in moved] == ["mnist"] * 2
    assert [net.recipe.steps for net in moved[0].nets] == [6000] * len(CONVNET.nets)
    small = replace(shortened(moved[1]), seeds=1)
    assert small.network().shape == (28, 28, 1) and small.network().classes == 10
    found = Runner(tmp_path / "out", range(1)).evidence(small)
    assert small.identity()["dataset"] == "mnist" and small.identity()["directory"] is None
    assert small.identity()["digest"] != RESNET.identity()["digest"]
    assert set(found[ANGLES]["pair"]) >= {"init-clean", "clean-robust"}
    assert found[IMAGE_ROBUSTNESS].points.eq(12).all()

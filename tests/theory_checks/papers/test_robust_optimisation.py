"""Robust optimisation: claims on tables made up so that the answer is known, and a whole run at toy size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import numpy as np
import pandas as pd
import pytest

from purifyjax.attacks import FGM, PGD
from purifyjax.errors import ConfigError
from tests.theory_checks.toys import robust_optimisation as toys
from theory_checks.evidence import Evidence
from theory_checks.measuring.attacked import FINDINGS
from theory_checks.measuring.image_nets import IMAGE_ROBUSTNESS
from theory_checks.measuring.pictures import PICTURES
from theory_checks.papers.robust_optimisation import PAPER
from theory_checks.papers.robust_optimisation.claims import clean_accuracy, collection, cost, trained_attack
from theory_checks.papers.robust_optimisation.claims.differences import difference, outcomes
from theory_checks.papers.robust_optimisation.config import BASELINE, OTHER
from theory_checks.papers.robust_optimisation.costs import single_pixels
from theory_checks.papers.robust_optimisation.figures import SINGLE_PIXELS
from theory_checks.papers.robust_optimisation.tables import COSTS, OUTCOMES
from theory_checks.quantities import effect
from theory_checks.runner import Runner
from theory_checks.trained import stage_marks

(TOY,) = toys.experiments()
SEEDS, POINTS = range(4), range(200)
NETS = ("baseline", "other baseline", "l1", "l2", "linf")
ATTACKS = ("none", *(f"{norm} {kind}" for norm in ("l1", "l2", "linf") for kind in ("one-step", "worst", "collection")))


def table(share, seed=0):
    """Outcomes in which `share(net, attack)` of the images are right, the easiest ones for every net."""
    luck = np.random.default_rng(seed).uniform(size=(len(SEEDS), len(POINTS)))
    frames = []
    for net in NETS:
        for attack in ATTACKS:
            right = luck < share(net, attack)
            columns = {
                "seed": np.repeat(SEEDS, len(POINTS)),
                "point": np.tile(POINTS, len(SEEDS)),
                "right": right.ravel(),
            }
            frames.append(pd.DataFrame({"net": net, "attack": attack} | columns))
    return pd.concat(frames, ignore_index=True)


def evidence(share=lambda net, attack: 0.5, **tables):
    return Evidence(TOY, {OUTCOMES.name: table(share)} | tables)


def test_differences_are_paired_by_image_and_seed():
    found = difference(
        evidence(lambda net, _: 0.9 if net == "l2" else 0.6), "l2", "baseline", "none", "on clean images"
    )
    assert len(found.seeds) == len(SEEDS) and found.outcome == "holds"
    assert 0.25 < found.measured < 0.35 and found.interval[0] > 0.2
    # Image by image the second net is right wherever the first is: unpaired intervals would be twice as wide.
    assert found.interval[1] - found.interval[0] < 0.15


def test_a_collection_averages_the_versions_of_an_image_and_skips_images_not_in_it():
    rows = pd.DataFrame(
        {
            "net": "l1",
            "attack": ["l1 collection", "l2 collection", "l1 collection", "l1 none"],
            "seed": [0, 0, 0, 0],
            "point": [3, 3, 4, 5],
            "right": [True, False, True, False],
        }
    )
    found = outcomes(Evidence(TOY, {OUTCOMES.name: rows}), "l1", "collection")
    assert found[0].to_dict() == {3: 0.5, 4: 1.0}


def test_one_seed_that_disagrees_does_not_decide_an_effect():
    values = np.full((8, 100), 0.1) + np.random.default_rng(0).normal(0, 0.05, (8, 100))
    values[0] -= 0.11
    found = effect(values, list(range(8)), "effect", ">=", 0.0)
    assert found.seeds[0].value < 0 and found.outcome == "holds"
    assert effect(-values, list(range(8)), "effect", ">=", 0.0).outcome == "refuted"


@pytest.mark.parametrize(
    ("claim", "share", "outcome"),
    [
        (collection.CLAIM, lambda net, _: 0.0 if net == "baseline" else 0.7, "refuted"),
        (collection.CLAIM, lambda net, _: {"baseline": 0.0, "other baseline": 0.6}.get(net, 0.8), "holds"),
        (collection.CLAIM, lambda net, _: {"baseline": 0.0, "other baseline": 0.9}.get(net, 0.8), "refuted"),
        (trained_attack.CLAIM, lambda net, _: 0.2 if net == "baseline" else 0.6, "holds"),
        (
            trained_attack.CLAIM,
            lambda net, a: 0.2 if net == "baseline" or (net, a) == ("l2", "l2 worst") else 0.6,
            "refuted",
        ),
        (clean_accuracy.CLAIM, lambda net, _: 0.95 if net == "baseline" else 0.97, "holds"),
        (clean_accuracy.CLAIM, lambda net, _: 0.95 if net == "baseline" else 0.88, "refuted"),
    ],
)
def test_robust_optimisation_is_judged_by_differences(claim, share, outcome):
    verdict = claim.check({"robust-optimisation": evidence(share)})
    assert verdict.outcome == outcome
    assert verdict.note and verdict.kind == "experiment"


@pytest.mark.parametrize(("ratio", "outcome"), [(1.8, "holds"), (3.0, "refuted")])
def test_the_cost_is_the_median_over_repeats(ratio, outcome):
    rows = [
        {"net": net, "repeat": repeat, "ratio": ratio + 0.01 * repeat if repeat else 50.0}
        for net in ("l1", "l2", "linf")
        for repeat in range(20)
    ]
    verdict = cost.CLAIM.check({"robust-optimisation": evidence(**{COSTS.name: pd.DataFrame(rows)})})
    assert verdict.outcome == outcome and verdict.binding.measured == pytest.approx(ratio, abs=0.15)
    assert verdict.seeds == () and verdict.binding.seeds[0].seed is None  # no seed's number is invented


def test_another_data_set_has_its_own_nets(tmp_path):
    found = TOY.on_images("mnist", tmp_path)
    assert isinstance(found, type(TOY)) and (found.dataset, found.directory, found.width) == ("mnist", tmp_path, 1.0)
    assert {net.recipe.steps for net in found.nets} == {6000} and len(found.nets) == 7
    assert found.samples == TOY.samples and found.radii == TOY.radii
    with pytest.raises(ConfigError, match="cats"):
        TOY.on_images("cats", tmp_path)
    with pytest.raises(ConfigError, match="mnist needs a folder"):
        TOY.on_images("mnist", None).validate()


def test_the_sizes_of_all_profiles_are_valid():
    for name, profile in PAPER.profiles.items():
        sizes: Any = profile()
        (full,) = sizes
        full.validate()
        assert name in PAPER.summaries and full.seeds == {"small": 3, "standard": 5}.get(name, 8)
        adversaries = [net.recipe.adversary for net in full.nets]
        assert adversaries == [None, *[FGM()] * 3, *[PGD.for_training(2)] * 3]


def test_marks_know_networks_images_and_recipes_and_nothing_else():
    marks = stage_marks(TOY)
    assert len(set(marks.values())) == len(TOY.nets)
    assert stage_marks(TOY.at_scale(2.0)) == marks  # other radii judge the same nets
    assert stage_marks(replace(TOY, seeds=1, name="other", curve=())) == marks
    full = {field: getattr(TOY, field) for field in ("nets", "width", "samples", "points")}
    (real,) = PAPER.profiles["small"]()
    assert not set(stage_marks(replace(real, **full)).values()) & set(marks.values())
    assert not set(stage_marks(replace(TOY, samples=31)).values()) & set(marks.values())
    assert TOY.at_scale(2.0).identity() != TOY.identity()


def test_single_pixels_differ_from_the_image_in_one_entry():
    config = replace(TOY.at_scale(10.0), points=200)
    untrained = jax.tree.map(lambda leaf: leaf[0], config.initial(np.arange(1)))
    found = single_pixels(config, 7, untrained)
    shown = found.pivot(index=["index", "row", "column", "channel"], columns="group", values="value")
    changed = (shown["image"] - shown["one entry changed"]).abs() > 1e-5
    assert 0 < len(changed.groupby("index")) <= config.pictures
    assert (changed.groupby("index").sum() == 1).all() and set(found["seed"]) == {7}
    captions = found[found.group == "one entry changed"].caption.str.split(" → ", expand=True)
    assert (captions[0] != captions[1]).all()
    evidence_of = Evidence(config, {PICTURES.name: found})
    assert SINGLE_PIXELS.shows(evidence_of) and SINGLE_PIXELS.draw(evidence_of)


@pytest.mark.long
def test_a_whole_run(tmp_path):
    found = Runner(tmp_path, range(3)).evidence(TOY)
    assert found.seeds == (0, 1)
    answers = found[OUTCOMES]
    collected = answers[answers.attack.str.endswith("collection")]
    assert not collected[collected.net == BASELINE].right.any() and set(collected.net) > {OTHER, "l2"}
    # A collection of a seed is the same whoever is tried on it.
    images = {net: set(zip(own.seed, own.attack, own.point, strict=True)) for net, own in collected.groupby("net")}
    assert all(own == images[BASELINE] for own in images.values())
    right = answers.groupby(["net", "attack"]).right.mean()
    for net in TOY.nets:
        for ball in TOY.balls(net.name):
            alone = [right[net.name, f"{ball.norm} {attack.name}"] for attack in TOY.suite[:-1]]
            assert right[net.name, f"{ball.norm} worst"] <= min(alone) <= right[net.name, "none"]
    curve = found[IMAGE_ROBUSTNESS].set_index(["net", "attack", "seed", "radius"]).correct
    assert (curve.groupby(["net", "attack", "seed"]).diff().dropna() <= 0).all()
    assert set(found[COSTS].net) == {net.name for net in TOY.nets} and len(found[COSTS]) == 6 * len(TOY.nets)
    assert set(found[FINDINGS].columns) == set(FINDINGS.columns)
    assert set(found[PICTURES].seed) <= {0}
    for claim in PAPER.claims:
        verdict = claim.check({TOY.name: found}, PAPER.name)
        assert verdict.parts and all(part.seeds for part in verdict.parts)
        for figure in claim.figures:
            assert not figure.shows(found) or figure.draw(found)

    # A seed alone is read from what is there; nobody is tried on its collection.
    alone = Runner(tmp_path, range(1)).evidence(TOY)
    assert set(alone[OUTCOMES].net) == {net.name for net in TOY.nets}
    own = answers[(answers.seed == 0) & (answers.net != OTHER)].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone[OUTCOMES], own)

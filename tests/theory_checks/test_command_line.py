"""The command line: one clear sentence for bad input, statuses, and a whole run on a toy profile."""

import json
import struct
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from purifyjax.data import NaturalCodes, SparseCoding
from purifyjax.models import ConvNet
from purifyjax.training import Phase, Training
from theory_checks import all as command
from theory_checks import experiments, run, run_images, run_patches, stored
from theory_checks.claims import CLAIMS
from theory_checks.experiments import (
    PROFILES,
    Classes,
    Experiment,
    ImageTask,
    LowRank,
    NaturalTask,
    PatchTask,
    Profile,
    Race,
    image_tasks,
    patch_task,
)
from theory_checks.experiments import images as images_module
from theory_checks.experiments import profiles as profiles_module
from theory_checks.measure import robust_optimisation

PATCHES = {"patches-2", "patches-10"}
NATURAL = {"natural", "natural-shuffled", "natural-ideal"}


def toy_task(classes: int) -> PatchTask:
    task = patch_task(classes, seeds=2)
    return replace(
        task,
        data=task.data.replace(dimension=2 * classes, patches=3),
        filters=2,
        clean=task.clean.replace(steps=4, batch_size=8),
        robust=task.robust.replace(steps=4, batch_size=8, parts=3, clean_steps=2),
        samples=16,
        points=16,
        curve_points=8,
    )


def toy_images(tasks: tuple[ImageTask, ...]) -> tuple[ImageTask, ...]:
    """Every image experiment, with trainings of two steps."""

    def small(task: ImageTask) -> ImageTask:
        recipes = (net.recipe.replace(steps=2, batch_size=4) for net in task.nets)
        nets = (replace(net, recipe=recipe) for net, recipe in zip(task.nets, recipes, strict=True))
        one_step = tuple(net for net in nets if "PGD" not in net.name and net.rank in (None, 1))
        return replace(task, nets=one_step, samples=32, points=12, curve_points=12)

    return tuple(small(task) for task in tasks)


def toy_profile() -> Profile:
    data = SparseCoding(dimension=32, sparsity=5, value_max=1.5, margin=0.5)
    training = Training(
        data,
        neurons=32,
        clean=(Phase(6, 16, 0.3, threshold=2.0, weight_decay=1e-3),),
        robust=(Phase(4, 16, 0.2, threshold=1.0, adversary="fgm", radius=0.2),),
    )
    pgd = training.replace(robust=(training.robust[0].replace(adversary="pgd", adversary_steps=2),))
    linf = training.replace(
        data=data.replace(dictionary="random"), robust=(training.robust[0].replace(norm="linf", radius=0.05),)
    )
    return Profile(
        "toy",
        "seconds",
        experiments=(
            Experiment("default", training, 2, 0.2, certified=(0.75, 1.0), monitored_radius=0.2),
            Experiment("pgd", pgd, 1, 0.2, monitored_radius=0.2),
            Experiment("linf", linf, 1, 0.05, "linf", (1.0,), 0.05),
        ),
        points=64,
        curve_points=32,
        attack_steps=2,
        attack_restarts=1,
        classes=Classes(
            seeds=2,
            steps=20,
            cheap_steps=20,
            batch_size=8,
            rates=(1e-2,),
            tangent=((8, 1.0),),
            features=((8, 1.0),),
            points=32,
            linear_points=64,
            kernel_points=16,
            bound_points=64,
        ),
        patches=(toy_task(2), toy_task(10)),
        images=toy_images(image_tasks(seeds=2)),
        low_rank=LowRank(training, 0.2, seeds=2, ranks=(1, 4), contrasts=(), points=32, attack_steps=2),
        natural=NaturalTask(
            codes=NaturalCodes(patch=6, atoms=20, patches=2000, fitted=1000, iterations=20, tolerance=0.3),
            neurons=24,
            pace=0.05,
            batch_size=16,
            points=32,
            curve_points=16,
            attack_steps=2,
            attack_restarts=1,
            resamples=20,
            pictured=4,
            seeds=2,
        ),
        race=Race(filters=2, recipe=Race().recipe.replace(steps=5), radii=(0.0, 0.2), strengths=(0.2, 0.8), seeds=2),
    )


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setitem(profiles_module.PROFILES, "toy", toy_profile())
    # Programs of small networks compile faster.
    for name in ("mnist_net", "alexnet_like", "ResNet"):
        monkeypatch.setattr(
            images_module, name, lambda shape, classes, width=1.0: ConvNet(shape, classes, (4, 4), (3, 3), (8,))
        )
    monkeypatch.setattr(robust_optimisation, "CURVE", (1.0,))
    monkeypatch.setattr(robust_optimisation, "COST_REPEATS", 6)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--profile", "huge"], "--profile = 'huge' is not allowed: one of"),
        (["--only", "nonsense"], "--only = 'nonsense' is not allowed: one of"),
        (["--seeds", "none"], "--seeds = 'none' is not allowed"),
        (["--seeds", "0"], "--seeds = '0' is not allowed"),
        (["--seeds", "1,1"], "--seeds = '1,1' is not allowed: distinct"),
        (["--seeds=-3"], "--seeds = '-3' is not allowed"),
        (["--radius", "-0.1"], "--radius = -0.1 is not allowed"),
        (["--radius", "nan"], "--radius = nan is not allowed"),
        (["--dataset", "cats"], "--dataset = 'cats' is not allowed: one of digits, mnist, cifar10, svhn"),
        (["--dataset", "mnist"], "directory = None is not allowed: mnist needs a folder with"),
        (
            ["--dataset", "svhn", "--data-dir", "/no/such"],
            "directory = '/no/such' is not allowed: there is no such folder",
        ),
        (["--out", "/dev/null/folder"], "--out /dev/null/folder cannot be made"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(capsys, arguments, says):
    assert command.main(arguments) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1 and error.startswith("error: ")


def test_unknown_flags_have_status_2(capsys):
    with pytest.raises(SystemExit) as stopped:
        command.main(["--no-such-flag"])
    assert stopped.value.code == 2


def test_the_list_names_every_claim_and_profile(capsys):
    assert command.main(["--list"]) == 0
    text = capsys.readouterr().out
    assert all(claim.id in text for claim in CLAIMS) and all(name in text for name in PROFILES)


def test_seeds_are_a_count_or_a_list():
    assert command.parse_seeds("3").tolist() == [0, 1, 2]
    assert command.parse_seeds("7,2").tolist() == [7, 2]
    assert command.parse_seeds("5,").tolist() == [5]


def test_claims_are_complete_and_distinct():
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)
    for claim in CLAIMS:
        assert claim.statement and claim.source and claim.refuted_by and claim.title


def test_every_profile_is_valid():
    from purifyjax.training import validate

    for profile in PROFILES.values():
        for experiment in profile.experiments:
            validate(experiment.training)
            assert 0 < experiment.seeds


@pytest.mark.long
def test_a_whole_run_and_its_second_run(toy, tmp_path, capsys, monkeypatch):
    out = tmp_path / "results"
    status = command.main(["--profile", "toy", "--out", str(out)])
    first = json.loads((out / "verdicts.json").read_text())
    assert first["profile"] == "toy" and {"versions", "device", "config"} <= set(first)
    assert [claim["id"] for claim in first["claims"]] == [claim.id for claim in CLAIMS]
    for claim in first["claims"]:
        assert {"verdict", "measured", "interval", "bound", "seeds", "note"} <= set(claim)
        assert claim["verdict"] in ("holds", "refuted", "inconclusive")
    assert status == int(any(claim["verdict"] == "refuted" for claim in first["claims"]))
    with np.load(out / "trajectories" / "default.npz") as nets:
        assert nets["w_init"].shape == nets["w_clean"].shape == nets["w_robust"].shape == (2, 32, 32)
        assert nets["b_clean"].shape == nets["b_robust"].shape == (2, 32)
        assert nets["dictionary"].shape == (32, 32) and nets["label_weights"].shape == (32,)
        clean = nets["w_clean"]
    with np.load(out / "trajectories" / "pgd.npz") as nets:
        # The PGD run starts from the same clean net as the FGM run.
        np.testing.assert_array_equal(nets["w_clean"], clean[:1])
        assert not np.allclose(nets["w_robust"], clean[:1])
    assert (
        set(pd.read_parquet(out / "tables" / "robustness.parquet").experiment)
        == {"default", "pgd", "linf"} | PATCHES | NATURAL
    )
    certified = pd.read_parquet(out / "tables" / "certificates.parquet").set_index(["experiment", "seed", "radius"])
    assert np.all(certified.certified <= certified.standing) and np.all(certified.standing <= certified.points)
    assert set(certified.reset_index().experiment) == {"default", "linf"} | PATCHES
    fitted = pd.read_parquet(out / "tables" / "classes.parquet")
    assert {"linear", "polynomial", "tangent kernel", "random features", "ReLU net"} == set(fitted.family)
    assert np.all(fitted.robust <= fitted.clean) and set(fitted.seed) == {0, 1}
    outcomes = pd.read_parquet(out / "tables" / "outcomes.parquet")
    collected = outcomes[outcomes.attack.str.endswith("collection")]
    assert not collected[collected.net == "baseline"].right.any() and set(collected.net) > {"other baseline", "l2"}
    assert set(pd.read_parquet(out / "tables" / "angles.parquet").experiment) == {"convnet", "resnet"}
    drawn = {figure.name for figure in (out / "figures").iterdir()}
    assert {f"{name}.png" for name in ("convnet-filters", "resnet-angles", "natural-codes", "low-rank-ranks")} <= drawn
    assert (out / "report.html").stat().st_size > 1000

    def forbidden(action):
        def stop(*args, **kwargs):
            raise AssertionError(f"a finished run must not {action} again")

        return stop

    monkeypatch.setattr(run, "train_stage", forbidden("train"))
    monkeypatch.setattr(run.measure, "measure", forbidden("attack"))
    monkeypatch.setattr(run.measure, "classes", forbidden("fit"))
    monkeypatch.setattr(run_patches, "train_classifiers", forbidden("train"))
    monkeypatch.setattr(run_patches.measure, "measure", forbidden("attack"))
    monkeypatch.setattr(run_images, "train_classifiers", forbidden("train"))
    monkeypatch.setattr(robust_optimisation, "measure", forbidden("attack"))
    assert command.main(["--profile", "toy", "--out", str(out)]) == status
    second = json.loads((out / "verdicts.json").read_text())
    assert second["claims"] == first["claims"]
    assert command.main(["--profile", "toy", "--out", str(out), "--only", "noise-robust"]) in (0, 1)
    third = json.loads((out / "verdicts.json").read_text())
    assert [claim["id"] for claim in third["claims"]] == ["noise-robust"]
    # Tables of another format are measured anew, on the nets that are there.
    monkeypatch.setattr(stored, "FORMAT", 0)
    with pytest.raises(AssertionError, match="attack again"):
        command.main(["--profile", "toy", "--out", str(out)])


def test_another_radius_judges_the_same_nets(toy, tmp_path, monkeypatch):
    out = tmp_path / "results"
    arguments = ["--profile", "toy", "--out", str(out), "--only", "clean-nonrobust"]
    command.main(arguments)
    before = json.loads((out / "verdicts.json").read_text())["claims"][0]

    def forbidden(*args, **kwargs):
        raise AssertionError("another radius must not train again")

    monkeypatch.setattr(run, "train_stage", forbidden)
    command.main([*arguments, "--radius", "0.9"])
    after = json.loads((out / "verdicts.json").read_text())["claims"][0]
    assert after["measured"] < before["measured"]
    assert "0.9" in after["quantity"]


def test_a_margin_that_nobody_meets_stops_before_training(toy, tmp_path, capsys, monkeypatch):
    profile = toy_profile()
    training = profile.experiments[0].training
    hopeless = training.replace(data=training.data.replace(margin=50.0))
    monkeypatch.setitem(
        profiles_module.PROFILES, "toy", replace(profile, experiments=(Experiment("default", hopeless, 1, 0.2),))
    )
    status = command.main(["--profile", "toy", "--out", str(tmp_path), "--only", "clean-accuracy"])
    assert status == 2
    error = capsys.readouterr().err
    assert "margin γ = 50.0 is not allowed" in error
    assert not (tmp_path / "verdicts.json").exists()


def test_profiles_are_exported():
    assert experiments.profile("quick") is PROFILES["quick"]


@pytest.mark.filterwarnings("ignore:.*not the official file")
def test_other_data_sets_run_from_their_files(tmp_path, monkeypatch):
    """The nets of every image experiment are trained on what lies in the folder."""
    draw = np.random.default_rng(0)
    for name, count in (("train", 40), ("t10k", 12)):
        for kind, shape in (("images-idx3", (count, 28, 28)), ("labels-idx1", (count,))):
            values = draw.integers(0, 256 if len(shape) > 1 else 10, shape, dtype=np.uint8)
            header = struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape)
            (tmp_path / f"{name}-{kind}-ubyte").write_bytes(header + values.tobytes())
    seen = []

    def net(shape, classes, width=1.0):
        seen.append((shape, classes))
        return ConvNet(shape, classes, (2, 2), (3, 3), (4,))

    for name in ("mnist_net", "alexnet_like", "ResNet"):
        monkeypatch.setattr(images_module, name, net)
    tasks = Profile("toy", "seconds", experiments=()).on_images("mnist", tmp_path).images
    assert [task.dataset for task in tasks] == ["mnist"] * 3
    task = replace(toy_images(tasks)[2], seeds=1)
    found = run_images.image_evidence(task, np.arange(1), tmp_path / "out", True)
    assert set(seen) == {((28, 28, 1), 10)}
    assert found.config["training"]["dataset"] == "mnist" and found.config["training"]["directory"] is None
    assert set(found.angles["pair"]) >= {"init-clean", "clean-robust"}
    assert found.image_robustness.points.eq(12).all()

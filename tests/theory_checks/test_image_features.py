"""Components of images through training: tables of a tiny run, its command line, and the figure."""

from __future__ import annotations

import inspect
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from purifyjax.data.images import Images
from purifyjax.errors import ConfigError
from purifyjax.plots import image_features as plot
from purifyjax.sweep.classifiers import _advance
from theory_checks import image_features as command
from theory_checks.measuring import image_features as measure


def planted(shape=(6, 4, 3), classes=2, n=80) -> Images:
    """Classes told apart by one strong axis (a bright half) and by a weak one (a chequerboard)."""
    rng = np.random.default_rng(0)
    y = (np.arange(2 * n) % classes).astype(np.int32)
    sign = np.where(y == 1, 1.0, -1.0)[:, None, None, None]
    half = np.where(np.arange(shape[0]) < shape[0] // 2, 1.0, -1.0)[:, None, None]
    chequer = np.where(np.add.outer(np.arange(shape[0]), np.arange(shape[1])) % 2 == 0, 1.0, -1.0)[:, :, None]
    x = 0.5 + sign * (0.3 * half * np.ones(shape) + 0.05 * chequer) + 0.02 * rng.normal(size=(2 * n, *shape))
    x = x.astype(np.float32)
    return Images(x[:n], y[:n], x[n:], y[n:], classes, "planted")


def small_run(**changes) -> measure.ImageFeatures:
    """Always of the same shapes, so that all tests share the compiled programs."""
    # A prime number of steps above 50 is measured after every step.
    options: dict[str, Any] = {"seeds": [0, 5], "radius": 0.3, "threshold": 0.5, "steps": 53, "samples": 60}
    options |= {"points": 50, "batch_size": 30, "adversary_steps": 1}
    return measure.image_features(planted(), **(options | changes))


class Bar:
    """Stands for a bar of progress, and remembers what it was told."""

    def __init__(self, label: str, total: int) -> None:
        self.label, self.total, self.done = label, total, 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def update(self, done: int, **_) -> None:
        self.done += done


@pytest.fixture(scope="module")
def tiny():
    bars: list[Bar] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "progress", lambda *about: bars.append(Bar(*about)) or bars[-1])
        return small_run(), bars


def test_the_tables_have_a_row_for_everything(tiny):
    found, bars = tiny
    assert [(bar.total, bar.done) for bar in bars] == [(53, 53)] * 2 and found.diverged == []
    assert [bar.label for bar in bars] == [f"planted: {name} training, 2 seeds" for name in ("standard", "adversarial")]
    keys = set(map(tuple, found.curve[["seed", "net", "step"]].to_numpy()))
    assert keys == {(seed, net, step) for seed in (0, 5) for net in ("clean", "robust") for step in range(54)}
    assert len(found.curve) == len(keys) and found.curve["loss"].isna().sum() == 4
    assert not found.curve.drop(columns="loss").isna().to_numpy().any()
    assert len(found.accuracies) == 2 * 2 * 4 and set(found.accuracies["points"]) == {50}
    assert found.accuracies["correct"].between(0, 50).all()
    assert set(found.accuracies.loc[found.accuracies["measure"] == "pgd", "radius"]) == {0.3}


def test_the_curve_ends_where_the_final_accuracies_are(tiny):
    found, _ = tiny
    last = found.curve[found.curve["step"] == 53].set_index(["seed", "net"])
    for row in found.accuracies.itertuples():
        column = {"clean": "accuracy", "robust_part": "robust_part", "nonrobust_part": "nonrobust_part"}.get(
            str(row.measure)
        )
        if column is not None:
            assert last.loc[(row.seed, row.net), column] == pytest.approx(row.correct / row.points)


def test_attacks_only_take_away_and_training_learns(tiny):
    found, _ = tiny
    right = found.accuracies.pivot(index=["seed", "net"], columns="measure", values="correct")
    assert (right["pgd"] <= right["clean"]).all()
    assert (right[["clean", "robust_part"]] == 50).to_numpy().all()
    assert (found.curve[found.curve["step"] == 53]["margin"] > 0).all()


def test_both_trainings_start_from_the_same_weights_and_seeds_from_others(tiny):
    start = tiny[0].curve.query("step == 0").drop(columns=["loss", "step"]).set_index(["net", "seed"])
    pd.testing.assert_frame_equal(start.loc["clean"], start.loc["robust"])
    assert start.loc[("clean", 0), "margin"] != start.loc[("clean", 5), "margin"]


def test_a_seed_does_not_depend_on_its_neighbours_and_nothing_compiles_again(tiny):
    programs = (measure._start, measure._margins, measure._standing, _advance)
    before = [cast(Any, f)._cache_size() for f in programs]
    found = small_run(seeds=[5, 1])
    assert before == [cast(Any, f)._cache_size() for f in programs]
    here, there = (frame.query("seed == 5").reset_index(drop=True) for frame in (found.curve, tiny[0].curve))
    pd.testing.assert_frame_equal(here, there, rtol=1e-4, atol=1e-5)


def test_a_larger_radius_takes_more_away(tiny):
    """At ε = 10 nothing stands: whole images are at most 5.1 (0.6 √72) from the other class."""
    found = small_run(radius=10.0)
    assert (found.accuracies.query("measure == 'pgd' and net == 'clean'")["correct"] == 0).all()
    # The clean net is the same one.
    ends = [f.accuracies.query("measure != 'pgd' and net == 'clean'")["correct"].tolist() for f in (found, tiny[0])]
    assert ends[0] == ends[1]


def test_divergence_is_one_sentence():
    with pytest.raises(ConfigError, match="clean training diverged for every seed"):
        small_run(learning_rate=1e30)


def test_one_diverged_seed_is_left_out_and_named(monkeypatch):
    train = measure.train_classifiers

    def spoiled(*arguments, **options):
        found = train(*arguments, **options)
        found.history["loss"][-1, 0] = np.nan
        return found

    monkeypatch.setattr(measure, "train_classifiers", spoiled)
    found = small_run()
    assert found.diverged == [("clean", 0), ("robust", 0)]
    assert set(found.curve["seed"]) == set(found.accuracies["seed"]) == {5}


@pytest.mark.parametrize(
    "arguments,says",
    [
        (["--dataset", "cats"], "--dataset = 'cats'"),
        (["--seeds", "0"], "--seeds = '0'"),
        (["--radius", "nan"], "--radius = nan"),
        (["--threshold", "9"], "threshold τ = 9.0"),
        (["--steps", "0"], "steps = 0"),
        (["--points", "0"], "--points = 0"),
        (["--samples", "1"], "--samples = 1"),
        (["--learning-rate", "1e300"], "--learning-rate = 1e+300"),
        (["--radius", "1e-300"], "--radius = 1e-300"),
        (["--steps", "9999999999"], "--steps = 9999999999"),
        (["--dataset", "mnist"], "mnist needs a folder"),
        (["--out", "/dev/null/folder"], "--out /dev/null/folder cannot be made"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(capsys, tmp_path, arguments, says):
    out = [] if "--out" in arguments else ["--out", str(tmp_path)]
    assert command.main([*out, *arguments]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "0%" not in line]
    assert says in lines[-1] and lines[-1].startswith("error: ")
    assert list(tmp_path.iterdir()) == []


def test_the_command_passes_its_options_on_and_writes_tables_and_figure(tiny, capsys, tmp_path, monkeypatch):
    asked: dict[str, Any] = {}

    def stand_in(images, **options):
        inspect.signature(original).bind(images, **options)
        asked.update(options, name=images.name)
        return tiny[0]._replace(diverged=[("clean", 7)])

    original = measure.image_features
    monkeypatch.setattr(measure, "image_features", stand_in)
    options = {"radius": 0.25, "threshold": 0.4, "steps": 3, "learning_rate": 0.5, "samples": 200, "points": 60}
    words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    assert command.main(["--seeds", "3,4", "--out", str(tmp_path), *words]) == 0
    assert options | {"name": "digits"} == {n: v for n, v in asked.items() if n != "seeds"}
    assert list(asked["seeds"]) == [3, 4]
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"curve.parquet", "accuracies.parquet", "image_features.png", "image_features.svg"}
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "accuracies.parquet"), tiny[0].accuracies)
    text = capsys.readouterr().out
    assert "adversarial  whole image, PGD-20" in text and "standard training of seed 7 diverged" in text


def test_the_table_tells_the_extreme_seeds_apart():
    rows = [{"seed": s, "net": "clean", "measure": "pgd", "correct": c, "points": 100} for s, c in ((0, 50), (1, 0))]
    line = command.table(pd.DataFrame(rows)).splitlines()[1].split()
    # Exact intervals of 0 and 50 in 100.
    assert " ".join(line) == "standard whole image, PGD-20 25.0% 0.0% [0.0, 3.6] 50.0% [39.8, 60.2]"


def test_the_table_fits_narrow_terminals():
    rows = [{"seed": 0, "net": "clean", "measure": "pgd", "correct": 50, "points": 100}]
    lines = command.table(pd.DataFrame(rows), 40).splitlines()
    assert max(map(len, lines)) <= 40 and len(lines) > 3


def test_the_figure_shows_means_and_extremes_of_seeds():
    frame = pd.DataFrame(
        {"seed": [0, 0, 1, 1], "net": "robust", "step": [0, 4, 0, 4], "accuracy": [0.1, 0.9, 0.3, 0.7]}
    ).assign(robust_part=0.2, nonrobust_part=[0.0, 0.4, 0.2, 0.8])
    fig = plot.figure(frame, classes=10)
    left, right = fig.axes
    assert not left.lines and left.texts[0].get_text() == "not trained"
    lines = {str(line.get_label()): np.asarray(line.get_ydata(), float) for line in right.lines}
    np.testing.assert_allclose(lines["whole image"], [0.2, 0.8])
    np.testing.assert_allclose(lines["non-robust part alone"], [0.1, 0.6])
    np.testing.assert_allclose(lines["chance"], 0.1)
    band = np.asarray(right.collections[2].get_paths()[0].vertices)[:, 1]
    assert band.min() == 0.0 and band.max() == 0.8
    with pytest.raises(ValueError, match="robust_part"):
        plot.figure(frame.drop(columns="robust_part"))

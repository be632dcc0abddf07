"""The command lines of grids, as a user types them."""

import pandas as pd
import pytest

from purifyjax.__main__ import main

TOY = "tests.purifyjax.grids.toy:Walk"


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    out = tmp_path_factory.mktemp("swept") / "grid"
    told = ["--over", "size=1,2,4", "steps,shift=3:0,5:0.5", "--set", "label=y", "--seeds", "6", "--out", str(out)]
    assert main(["sweep", TOY, *told]) == 0
    return out


def test_a_sweep_tells_its_averages(swept, capsys):
    assert main(["show", str(swept), "--columns", "square"]) == 0
    told = capsys.readouterr().out
    assert "36 of 36 cells done, 2 of 2 blocks; 0 diverged" in told
    assert "square: of the distance, in units of size²" in told and "end" not in told
    rows = pd.read_parquet(swept / "cells.parquet")
    assert set(rows.label) == {"y"} and sorted(set(rows.seed)) == list(range(100, 106))
    mean = rows[(rows["size"] == 1.0) & (rows.steps == 3)].square.mean()
    assert f"{mean:.4g}" in told


def test_averages_go_to_a_file(swept, tmp_path):
    assert main(["show", str(swept), "--csv", str(tmp_path / "a.csv")]) == 0
    table = pd.read_csv(tmp_path / "a.csv")
    assert len(table) == 12 and {"size", "steps", "shift", "number", "mean", "low", "high", "seeds"} <= {*table}


def test_a_sweep_goes_on_without_being_told_its_grid(swept):
    assert main(["sweep", "--out", str(swept)]) == 0


@pytest.mark.parametrize(
    "how",
    [["--x", "size", "--y", "square", "--hue", "steps", "--log"], ["--x", "size", "--y", "steps", "--value", "end"]],
)
def test_figures_are_drawn_from_the_tables(swept, tmp_path, how):
    assert main(["plot", str(swept), *how, "--to", str(tmp_path / "a")]) == 0
    assert (tmp_path / "a.png").stat().st_size > 5000 and (tmp_path / "a.svg").exists()


def test_a_map_tells_how_well_its_boundary_was_predicted(swept, tmp_path, capsys):
    where = ["--x", "size", "--y", "steps", "--value", "shift", "--level", "0.25", "--to", str(tmp_path / "a")]
    assert main(["plot", str(swept), *where, "--predicted", "steps >= 4"]) == 0
    assert "100.0% of the settings" in capsys.readouterr().out
    assert main(["plot", str(swept), *where, "--predicted", "size >= 1.5"]) == 0
    assert "50.0% of the settings" in capsys.readouterr().out
    assert main(["plot", str(swept), *where, "--predicted", "height >= 1.5"]) == 2
    assert "height" in capsys.readouterr().err


def test_shards_are_merged(swept, tmp_path, capsys):
    for i in range(2):
        told = ["--over", "size=1,2,4", "steps,shift=3:0,5:0.5", "--set", "label=y", "--seeds", "6"]
        assert main(["sweep", TOY, *told, "--shard", f"{i}/2", "--out", str(tmp_path / str(i))]) == 0
    assert main(["merge", str(tmp_path / "0"), str(tmp_path / "1"), "--out", str(tmp_path / "all")]) == 0
    assert "36 of 36 cells done" in capsys.readouterr().out
    assert (tmp_path / "all" / "cells.parquet").read_bytes() == (swept / "cells.parquet").read_bytes()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "command = '' is not allowed: sweep, show, plot, merge, falsify"),
        (["train"], "command = 'train'"),
        (["sweep"], "--out"),
        (["sweep", "walk", "--out", "OUT"], "TASK = 'walk' is not allowed: purification, or MODULE:CLASS"),
        (["sweep", "--out", "OUT"], "it is not the folder of a sweep"),
        (["sweep", TOY, "--over", "size", "--out", "OUT"], "--over = 'size' is not allowed: NAME=VALUE"),
        (["sweep", TOY, "--over", "size=a", "--out", "OUT"], "--over size = 'a' is not allowed: a value of type float"),
        (["sweep", TOY, "--over", "long=1", "--out", "OUT"], "settings of the task: steps, label, size, shift"),
        (["sweep", TOY, "--over", "steps,size=1", "--out", "OUT"], "2 values together, such as 64:5"),
        (["sweep", TOY, "--set", "steps=2.5", "--out", "OUT"], "--set steps = '2.5'"),
        (["sweep", TOY, "--seeds", "x", "--out", "OUT"], "--seeds = 'x'"),
        (["sweep", TOY, "--stale", "0", "--out", "OUT"], "--stale = 0"),
        (["sweep", "purification", "--over", "sparsity=1000", "--out", "OUT"], "sparsity k = 1000"),
        (["sweep", "purification", "--over", "margin=50", "--out", "OUT"], "margin γ"),
        (["show", "OUT"], "it is not the folder of a sweep"),
        (["plot", "SWEPT", "--x", "size", "--y", "nothing"], "--y = 'nothing' is not allowed: one of cell, steps"),
        (["show", "SWEPT", "--columns", "nothing"], "column = 'nothing' is not allowed: one of square, end"),
    ],
    ids=lambda value: " ".join(value).replace("/", "-")[:60] if isinstance(value, list) else "",
)
def test_what_cannot_be_is_told_in_a_sentence(words, told, swept, tmp_path, capsys):
    places = {"OUT": str(tmp_path / "out"), "SWEPT": str(swept)}
    assert main([str(places.get(word, word)) for word in words]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1 and "Traceback" not in error
    assert not (tmp_path / "out" / "grid.json").exists()


def test_help_names_the_commands(capsys):
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"  {name} " in told for name in ("sweep", "show", "plot", "merge", "falsify"))

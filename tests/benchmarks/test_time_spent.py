"""Where a run's time goes: columns that add up, and a figure of them."""

import pandas as pd
import pytest

from benchmarks import time_spent
from theory_checks.spans import TIMING


def timing():
    rows = [
        ("", "", "other", 1.0, 1.0, 0.0, 0, 0, 100.0),
        ("a", "clean", "train", 10.0, 18.0, 4.0, 3, 1, 1024.0),
        ("a", "", "attack", 6.0, 6.0, 1.0, 2, 0, 2048.0),
        ("b", "", "attack", 8.0, 8.0, 0.0, 0, 0, 512.0),
    ]
    frame = TIMING.checked(pd.DataFrame(rows, columns=list(TIMING.columns)))
    frame.attrs["elapsed"] = 20.0  # side by side
    return frame


def test_seconds_by_experiment_and_kind_with_compilation_apart():
    table = time_spent.seconds(timing())
    assert list(table.index) == ["no experiment", "a", "b", "the run"]
    of = table.to_dict("index")
    assert [of["a"][name] for name in ("compile", "train", "attack", "all")] == [5, 6, 5, 16]
    assert of["a"]["cores"] == 1.5 and of["a"]["GiB"] == 2
    whole = of["the run"]
    assert whole["all"] == 20 and whole["attack"] == 13 and whole["cores"] == pytest.approx(33 / 20)
    assert sum(whole[kind] for kind in time_spent.KINDS) == 25


def test_a_folder_is_told_and_drawn_and_another_refused(tmp_path, capsys):
    (tmp_path / "tables").mkdir()
    timing().to_parquet(tmp_path / "tables" / "timing.parquet")
    assert time_spent.main([str(tmp_path)]) == 0
    assert (tmp_path / "figures" / "time-spent.png").stat().st_size > 5000
    assert "5 programs, 1 of them read" in capsys.readouterr().out
    assert time_spent.main([str(tmp_path / "none")]) == 2
    assert "is not allowed: the output folder of a run" in capsys.readouterr().err

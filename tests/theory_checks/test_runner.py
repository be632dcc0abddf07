"""Nets are trained once, numbers measured once, a seed by itself; whatever changes a number makes it anew."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from purifyjax.errors import ConfigError
from tests.theory_checks.tiny import NUMBERS, PAIRS, Walks
from tests.theory_checks.toys import feature_purification
from theory_checks.runner import Runner

WALKS = Walks(name="walks", seeds=4)


@pytest.fixture
def log(tmp_path, monkeypatch):
    """What was done since it was last asked."""
    path = tmp_path / "log"
    monkeypatch.setenv("TINY_LOG", str(path))

    def read():
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    return read


def run(out, seeds, experiment=WALKS, **options):
    return Runner(out, np.array(seeds), **options).evidence(experiment)


def test_a_second_run_only_reads(tmp_path, log):
    first = run(tmp_path, [0, 1])
    assert log() == ["walks first 0,1", "walks second 0,1", "walks measure 0,1", "walks together 0,1"]
    second = run(tmp_path, [0, 1])
    assert log() == []
    for name in first.tables:
        pd.testing.assert_frame_equal(first.tables[name], second.tables[name])
    assert second.environments and second.environments == first.environments


def test_further_seeds_are_trained_alone(tmp_path, log):
    run(tmp_path, [0, 1])
    log()
    found = run(tmp_path, [0, 1, 2, 3])
    assert log() == ["walks first 2,3", "walks second 2,3", "walks measure 2,3", "walks together 0,1,2,3"]
    alone = run(tmp_path / "other", [0, 1, 2, 3])
    for name in found.tables:
        pd.testing.assert_frame_equal(found.tables[name], alone.tables[name])


def test_another_measurement_trains_nothing_and_another_training_everything(tmp_path, log):
    run(tmp_path, [0, 1])
    log()
    other = run(tmp_path, [0, 1], replace(WALKS, scale=2.0))
    assert log() == ["walks measure 0,1", "walks together 0,1"]
    assert not np.allclose(other[NUMBERS].end, run(tmp_path, [0, 1])[NUMBERS].end)
    assert log() == []  # the first settings' numbers are still there
    run(tmp_path, [0, 1], replace(WALKS, steps=200))
    assert log()[:2] == ["walks first 0,1", "walks second 0,1"]


def test_another_name_shares_the_nets(tmp_path, log):
    run(tmp_path, [0, 1])
    log()
    found = run(tmp_path, [0, 1], replace(WALKS, name="others"))
    assert log() == ["others measure 0,1", "others together 0,1"]
    assert set(found[NUMBERS].experiment) == {"others"}


def test_without_resuming_everything_is_made_anew_once(tmp_path, log):
    run(tmp_path, [0, 1])
    log()
    runner = Runner(tmp_path, np.array([0, 1]), resume=False)
    runner.evidence(WALKS)
    assert len(log()) == 4
    runner.evidence(WALKS)
    assert log() == []


def test_a_damaged_record_is_made_anew_and_the_numbers_are_the_same(tmp_path, log, capsys):
    first = run(tmp_path, [0, 1])
    log()
    nets, numbers = (
        next(path for path in (tmp_path / "store").glob(f"{label}-*/seed-1/*") if path.name != "record.json")
        for label in ("nets-first", "walks")
    )
    for file in (nets, numbers):
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 4
        file.write_bytes(bytes(content))
    second = run(tmp_path, [0, 1])
    # The second walk is whole; the first is asked for by the measurement alone.
    assert log() == ["walks first 1", "walks measure 1"]
    assert capsys.readouterr().err.count("made anew") == 2
    for name in first.tables:
        pd.testing.assert_frame_equal(first.tables[name], second.tables[name])


def test_a_diverged_seed_is_left_out_and_said(tmp_path, log, capsys):
    experiment = replace(WALKS, diverging=(1,))
    found = run(tmp_path, [0, 1, 2], experiment)
    assert found.seeds == (0, 2) and found.diverged == (1,)
    assert set(found[NUMBERS].seed) == set(found[PAIRS].one) == {0, 2}
    assert "walks: seed 1 diverged and is left out" in capsys.readouterr().err
    log()
    assert run(tmp_path, [0, 1, 2], experiment).diverged == (1,)
    assert log() == []
    with pytest.raises(ConfigError, match="experiment walks: training diverged for every seed"):
        run(tmp_path, [1], experiment)


def test_an_experiment_takes_the_first_seeds_of_a_run(tmp_path):
    assert run(tmp_path, [7, 3, 5], replace(WALKS, seeds=2)).seeds == (7, 3)


def test_tables_keep_what_they_declare(tmp_path):
    found = run(tmp_path, [0, 1])[NUMBERS]
    assert found.attrs["meaning"] == NUMBERS.meaning and list(found.attrs["columns"]) == list(found.columns)


def test_undeclared_columns_are_refused(tmp_path):
    class Wrong(Walks):
        def measure(self, seeds, nets, progress):
            found = super().measure(seeds, nets, progress)
            return found._replace(tables={NUMBERS: found.tables[NUMBERS].assign(more=1)})

    with pytest.raises(ValueError, match=r"table numbers: columns \['more'\] are not declared"):
        run(tmp_path, [0], Wrong(name="wrong", seeds=1))


def test_nets_for_other_tools(tmp_path):
    runner = Runner(tmp_path, np.array([0, 1]))
    evidence = runner.evidence(WALKS)
    path = runner.export(WALKS, evidence.seeds)
    assert path is not None
    with np.load(path) as nets:
        assert nets["end"].shape == (2,) and nets["seeds"].tolist() == [0, 1]


@pytest.mark.long
def test_a_seeds_numbers_are_the_same_whoever_is_beside_it(tmp_path):
    """Nets and tables of a real experiment, to the last bit."""
    experiment = feature_purification.experiments()[0].with_seeds(3)
    several, alone = Runner(tmp_path / "several", np.array([4, 0, 7])), Runner(tmp_path / "alone", np.array([7]))
    found, own = several.evidence(experiment), alone.evidence(experiment)
    for stage, arrays in alone.nets(experiment).items():
        for name, values in arrays.items():
            np.testing.assert_array_equal(several.nets(experiment)[stage][name][2], values[0])
    for name, table in own.tables.items():
        if "seed" in table:
            rows = found.tables[name]
            expected = rows[rows.seed == 7].reset_index(drop=True)
            pd.testing.assert_frame_equal(table, expected, check_exact=True)

"""The command line: one clear sentence for bad input, statuses, verdicts as they come, and a whole run at toy size."""

import json
import re
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from purifyjax.commands.seeds import named, parse_seeds
from tests.theory_checks import tiny
from tests.theory_checks.processes import start
from tests.theory_checks.toys import feature_purification
from theory_checks import all as command
from theory_checks import catalogue, merge
from theory_checks.experiment import Experiment
from theory_checks.paper import Paper
from theory_checks.papers.feature_purification.experiment import Purification
from theory_checks.trained import TrainedNets

PATCHES = {"patches-2", "patches-10"}
NATURAL = {"natural", "natural-shuffled", "natural-ideal"}
CLAIMS = [claim for paper in catalogue.papers() for claim in paper.claims]


def run(out: Path, *arguments: str) -> int:
    return command.main(["--out", str(out), *arguments])


def told(out: Path) -> dict:
    return json.loads((out / "verdicts.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--profile", "huge"], "--profile = 'huge' is not allowed: one of"),
        (["--only", "nonsense"], "--only = 'nonsense' is not allowed: one of"),
        (
            ["--profile", "many", "--only", "mechanism", "low-rank"],
            "--profile = 'many' is not allowed: one with sizes for low-rank, convnet of low-rank: small, standard",
        ),
        (["--seeds", "none"], "--seeds = 'none' is not allowed"),
        (["--seeds", "0"], "--seeds = '0' is not allowed"),
        (["--seeds", "1,1"], "--seeds = '1,1' is not allowed: distinct"),
        (["--seeds", "0-3,2"], "--seeds = '0-3,2' is not allowed: distinct"),
        (["--seeds", "3-1"], "--seeds = '3-1' is not allowed: ranges upwards"),
        (["--seeds", "1-"], "--seeds = '1-' is not allowed"),
        (["--seeds=-3"], "--seeds = '-3' is not allowed"),
        (["--seeds", "0-99999999"], "--seeds = '0-99999999' is not allowed"),
        (["--radius", "-0.1"], "--radius = -0.1 is not allowed"),
        (["--radius", "nan"], "--radius = nan is not allowed"),
        (["--radius", "1e300"], "--radius = 1e+300 is not allowed: a number from 1e-15 to 1e+15"),
        (["--radius", "1e-300"], "--radius = 1e-300 is not allowed"),
        (["--radius", "0"], "--radius = 0.0 is not allowed"),
        (["--radius", "wide"], "--radius: no type matching"),
        (["--no-such-flag"], "Unrecognized options: --no-such-flag (see python -m theory_checks.all --help)"),
        (["--only"], "--only needs a value after it"),
        (["--only", "--strict"], "--only needs a value after it"),
        (["--only="], "--only needs a value after it"),
        (["--only", "mechanism", "mechanism"], "--only = 'mechanism mechanism' is not allowed: every claim once"),
        (["--only", "mechanism", "--only", "low-rank"], "--only is given 2 times: once is enough"),
        (["--seeds", "3", "--seeds=4"], "--seeds is given 2 times: once is enough"),
        (["--resume", "--no-resume"], "--resume is given 2 times: once is enough"),
        (["--out", ""], "--out needs a value after it"),
        (["--strict", ""], "an empty argument says nothing"),
        (["--out", "a\0b"], "cannot be made"),
        (["--out", "x" * 300], "cannot be made: File name too long"),
        (["--dataset", "cats"], "--dataset = 'cats' is not allowed: one of digits, mnist, cifar10, svhn"),
        (["--dataset", "mnist"], "directory = None is not allowed: mnist needs a folder with"),
        (
            ["--dataset", "svhn", "--data-dir", "/no/such"],
            "directory = '/no/such' is not allowed: there is no such folder",
        ),
        (["--dataset", "svhn", "--data-dir", "x" * 300], "there is no such folder"),
        (["--dataset", "svhn", "--data-dir", "~no-such-user/x"], "directory = '~no-such-user/x' is not allowed"),
        (["--out", "/dev/null/folder"], "--out /dev/null/folder cannot be made"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(capsys, arguments, says):
    assert command.main(arguments) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1 and error.startswith("error: ")


def test_the_list_names_every_claim_and_profile(capsys):
    assert command.main(["--list"]) == 0
    text = capsys.readouterr().out
    assert all(claim.id in text and claim.kind in text for claim in CLAIMS)
    assert all(name in text for name in ("quick", "standard", "paper"))


def test_seeds_are_a_count_or_a_list():
    assert parse_seeds("3").tolist() == [100, 101, 102]
    assert parse_seeds("7,2").tolist() == [7, 2]
    assert parse_seeds("5,").tolist() == [5]
    assert parse_seeds("0-3,7").tolist() == [0, 1, 2, 3, 7]
    for seeds in ([0, 1, 2], [7, 2], [5], [0, 1, 5, 6]):
        assert parse_seeds(named(seeds)).tolist() == seeds


# The paper of walks: how a run behaves ------------------------------------------------------------------


def test_a_crash_is_not_a_refuted_claim(tiny_paper, tmp_path, monkeypatch, capsys):
    def fail(*arguments):
        raise RuntimeError("a bug")

    monkeypatch.setattr(tiny.Walks, "measure", fail)
    assert run(tmp_path, "--profile", "tiny") == 70
    assert "a bug" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("measure", "kind", "status", "strict"),
    [
        (lambda e: tiny.ends(e, ">=", -1e6), "theorem", 0, 0),
        (lambda e: tiny.ends(e, "<=", -1e6), "theorem", 1, 1),
        (lambda e: tiny.ends(e, "<=", -1e6), "experiment", 1, 1),
        (lambda e: tiny.ends(e, "<=", -1e6), "question", 0, 0),
        (lambda e: tiny.ends(e, ">=", np.nan), "theorem", 0, 3),
    ],
)
def test_the_status_says_what_was_found(measure, kind, status, strict, tmp_path, monkeypatch, capsys):
    def undecided(evidence):
        (part,) = measure(evidence)
        return (replace(part, bound=np.median([s.value for s in part.seeds])) if np.isnan(part.bound) else part,)

    claims = (tiny.claim("one", undecided, kind=kind),)
    monkeypatch.setattr(catalogue, "papers", lambda: (replace(tiny.PAPER, claims=claims),))
    assert run(tmp_path, "--profile", "tiny") == status
    assert run(tmp_path, "--profile", "tiny", "--strict") == strict


def test_verdicts_and_report_come_as_experiments_are_done(tiny_paper, tmp_path, monkeypatch, capsys):
    seen = []
    measure = tiny.Walks.measure

    def look(self, seeds, nets, progress):
        if self.name == "dear":
            seen.append((told(tmp_path), capsys.readouterr().out, (tmp_path / "report.html").read_text()))
        return measure(self, seeds, nets, progress)

    monkeypatch.setattr(tiny.Walks, "measure", look)
    monkeypatch.setenv("PJRT_NPROC", "1")  # one experiment after another
    assert run(tmp_path, "--profile", "tiny") == 0
    ((early, printed, page),) = seen
    assert not early["complete"] and early["pending"] == ["late"]
    assert [claim["id"] for claim in early["claims"]] == ["walks-end", "walks-stay", "walks-apart"]
    assert "walks-end: holds" in printed and "walks-stay: no" in printed and "1 claims are to be judged" in page
    final = told(tmp_path)
    assert final["complete"] and [claim["id"] for claim in final["claims"]] == [claim.id for claim in tiny.CLAIMS]
    assert final["claims"][1]["answer"] == "no" and final["claims"][1]["kind"] == "question"
    assert final["claims"][2]["parts"][0]["per_seed"][0]["seed"] is None
    out = capsys.readouterr().out
    assert "3 claims: 3 hold, 0 refuted, 0 inconclusive; 1 questions: 0 yes, 1 no, 0 open" in out


def test_further_seeds_are_trained_alone(tiny_paper, tmp_path, monkeypatch):
    monkeypatch.setenv("TINY_LOG", str(tmp_path / "log"))
    run(tmp_path, "--profile", "tiny", "--seeds", "0-1")
    (tmp_path / "log").unlink()
    run(tmp_path, "--profile", "tiny", "--seeds", "0-3")
    trained = [line for line in (tmp_path / "log").read_text().splitlines() if "together" not in line]
    assert trained and all(line.endswith(" 2,3") for line in trained)


def test_tables_of_other_settings_do_not_lie_beside_the_verdicts(tiny_paper, tmp_path):
    run(tmp_path, "--profile", "tiny")
    assert (tmp_path / "tables" / "pairs.parquet").exists() and (tmp_path / "figures" / "walks-ends.png").exists()
    (tmp_path / "tables" / "old.parquet").write_bytes(b"old")
    run(tmp_path, "--profile", "tiny", "--only", "walks-end", "--radius", "3")
    assert not (tmp_path / "tables" / "old.parquet").exists()
    assert set(pd.read_parquet(tmp_path / "tables" / "numbers.parquet").experiment) == {"walks"}


def same_report(one: Path, other: Path) -> None:
    """The same numbers, page and tables, but for the time that the runs took."""
    assert told(one) == told(other)
    time = re.compile('<section class="card scroll" id="timing">.*?</section>', re.DOTALL)
    pages = [time.subn("", (out / "report.html").read_text()) for out in (one, other)]
    assert pages[0] == pages[1] and pages[0][1] == 1
    tables = {path.name for path in (one / "tables").iterdir()}
    assert tables == {path.name for path in (other / "tables").iterdir()}
    for name in tables - {"timing.parquet"}:
        ours, theirs = (pd.read_parquet(out / "tables" / name) for out in (one, other))
        pd.testing.assert_frame_equal(ours, theirs)


def test_folders_of_several_machines_merge_to_the_report_of_one_run(tiny_paper, tmp_path, monkeypatch):
    for name, seeds in (("a", "0-1"), ("b", "2-3"), ("one", "0-3")):
        run(tmp_path / name, "--profile", "tiny", "--seeds", seeds)
    monkeypatch.setenv("TINY_LOG", str(tmp_path / "log"))
    folders = [str(tmp_path / name) for name in ("b", "a")]
    assert merge.main([*folders, "--out", str(tmp_path / "merged")]) == 0
    assert set((tmp_path / "log").read_text().splitlines()) == {"walks together 0,1,2,3", "dear together 0,1,2,3"}
    same_report(tmp_path / "merged", tmp_path / "one")


def test_folders_that_cannot_be_merged_are_named(tiny_paper, tmp_path, capsys):
    run(tmp_path / "a", "--profile", "tiny", "--seeds", "0-1")
    run(tmp_path / "b", "--profile", "tiny", "--seeds", "2-3", "--radius", "2")
    capsys.readouterr()
    for folders, says in ((("a", "b"), "radius is None in one, 2.0 in the other"), (("a", "c"), "is not the output")):
        assert merge.main([*(str(tmp_path / name) for name in folders), "--out", str(tmp_path / "m")]) == 2
        error = capsys.readouterr().err
        assert says in error and error.count("\n") == 1


# Stops --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "status", "says"),
    [
        (signal.SIGTERM, 143, "stopped by SIGTERM; what is finished is saved: run the same command again to go on"),
        (signal.SIGHUP, 129, "stopped by SIGHUP; what is finished is saved"),
        (signal.SIGINT, 130, "interrupted; what is finished is saved: run the same command again to go on"),
    ],
)
def test_stops_are_one_line_and_have_a_status_of_their_own(tmp_path, number, status, says):
    log = tmp_path / "log"
    process = start(tmp_path / "out", environment={"TINY_SLEEP": "0.5", "TINY_LOG": str(log)}, text=True)
    deadline = time.monotonic() + 120
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == status, error
    assert says in error and "Traceback" not in error


@pytest.mark.long
def test_a_run_killed_again_and_again_ends_like_one_that_was_not(tiny_paper, tmp_path):
    """SIGKILL at random moments of training, measuring and writing."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run(whole, "--profile", "tiny")
    draw, kills = np.random.default_rng(0), 0
    while True:
        log = tmp_path / f"log{kills}"
        process = start(killed, environment={"TINY_SLEEP": "0.05", "TINY_LOG": str(log)})
        while not (killed / "run.json").exists() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(draw.uniform(0.0, 1.5))
        process.kill()
        process.communicate()
        kills += 1
        if process.returncode == 0 or kills == 6:
            break
    assert kills > 2
    assert run(killed, "--profile", "tiny") == 0
    same_report(whole, killed)
    assert not [path for path in killed.rglob(".*") if path.name != ".lock"]


# Every paper at toy size -----------------------------------------------------------------------------------


@pytest.mark.long
def test_a_whole_run_and_its_second_run(toy, tmp_path, capsys, monkeypatch):
    out = tmp_path / "results"
    status = run(out, "--profile", "toy")
    first = told(out)
    assert first["profile"] == "toy" and {"versions", "device", "config"} <= set(first) and first["complete"]
    assert [claim["id"] for claim in first["claims"]] == [claim.id for claim in CLAIMS]
    for claim in first["claims"]:
        assert {"verdict", "measured", "interval", "bound", "seeds", "note", "kind", "refuted_by"} <= set(claim)
        assert claim["verdict"] in ("holds", "refuted", "inconclusive")
    judged = [claim["verdict"] for claim in first["claims"] if claim["kind"] != "question"]
    assert status == int("refuted" in judged)
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
        == {"default", "pgd", "linf", "general", "paper-algorithm"} | PATCHES | NATURAL
    )
    certified = pd.read_parquet(out / "tables" / "certificates.parquet").set_index(["experiment", "seed", "radius"])
    assert np.all(certified.certified <= certified.standing) and np.all(certified.standing <= certified.points)
    assert set(certified.reset_index().experiment) == {"default", "linf"} | PATCHES
    fitted = pd.read_parquet(out / "tables" / "classes.parquet")
    assert {"linear", "polynomial", "tangent kernel", "random features", "ReLU net"} == set(fitted.family)
    assert np.all(fitted.robust <= fitted.clean) and set(fitted.seed) == {100, 101}
    outcomes = pd.read_parquet(out / "tables" / "outcomes.parquet")
    collected = outcomes[outcomes.attack.str.endswith("collection")]
    assert not collected[collected.net == "baseline"].right.any() and set(collected.net) > {"other baseline", "l2"}
    assert set(pd.read_parquet(out / "tables" / "angles.parquet").experiment) == {"convnet", "resnet"}
    drawn = {figure.name for figure in (out / "figures").iterdir()}
    assert {f"{name}.png" for name in ("convnet-filters", "resnet-angles", "natural-codes", "low-rank-ranks")} <= drawn
    named_by_claims = {f"{name}.png" for claim in first["claims"] for name in claim["figures"]}
    assert {name for name in drawn if name.endswith(".png")} == named_by_claims
    assert (out / "report.html").stat().st_size > 1000

    def forbidden(*args, **kwargs):
        raise AssertionError("a finished run must not train or measure again")

    monkeypatch.setattr(TrainedNets, "_train", forbidden)
    monkeypatch.setattr("theory_checks.runner.Runner._measure", forbidden)
    assert run(out, "--profile", "toy") == status
    assert told(out)["claims"] == first["claims"]
    assert run(out, "--profile", "toy", "--only", "noise-robust") in (0, 1)
    assert [claim["id"] for claim in told(out)["claims"]] == ["noise-robust"]
    # Records of another format are made anew.
    monkeypatch.setattr("theory_checks.runner.FORMAT", 0)
    assert run(out, "--profile", "toy", "--only", "noise-robust") == 70


def only(*experiments: Experiment) -> tuple[Paper, ...]:
    """The first paper with these experiments at toy size."""
    paper = catalogue.papers()[0]
    return (replace(paper, profiles={"toy": lambda: experiments}),)


def test_another_radius_judges_the_same_nets(tmp_path, monkeypatch):
    papers = only(feature_purification.experiments()[0])
    monkeypatch.setattr(catalogue, "papers", lambda: papers)
    arguments = ["--profile", "toy", "--only", "clean-nonrobust"]
    run(tmp_path, *arguments)
    before = told(tmp_path)["claims"][0]

    def forbidden(*args, **kwargs):
        raise AssertionError("another radius must not train again")

    monkeypatch.setattr(TrainedNets, "_train", forbidden)
    run(tmp_path, *arguments, "--radius", "0.9")
    after = told(tmp_path)["claims"][0]
    assert after["measured"] < before["measured"]
    assert "0.9" in after["quantity"]


def test_a_margin_that_nobody_meets_stops_before_training(tmp_path, capsys, monkeypatch):
    default = feature_purification.experiments()[0]
    assert isinstance(default, Purification)
    training = default.training
    hopeless = replace(default, training=training.replace(data=training.data.replace(margin=50.0)))
    papers = only(hopeless)
    monkeypatch.setattr(catalogue, "papers", lambda: papers)
    assert run(tmp_path, "--profile", "toy", "--only", "clean-accuracy") == 2
    error = capsys.readouterr().err
    assert "margin γ = 50.0 is not allowed" in error
    assert not (tmp_path / "verdicts.json").exists()

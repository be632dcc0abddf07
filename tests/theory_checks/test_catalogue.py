"""Papers, claims and experiments are found by where they lie, here and in other packages."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import theory_checks
from purifyjax.errors import ConfigError
from tests.theory_checks import tiny
from theory_checks import catalogue
from theory_checks.paper import claims_in

REPOSITORY = Path(theory_checks.__file__).parents[1]
PAPERS = catalogue.papers()


def installed(folder: Path, package: str, entry: str) -> None:
    """Make a package in the folder look as if pip had installed it, with an entry point."""
    about = folder / f"{package}-0.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.1\n")
    (about / "entry_points.txt").write_text(f"[theory_checks.papers]\n{package} = {entry}\n")


def python(*arguments, path=(), cwd=None, **environment):
    """A new interpreter in which these folders come first."""
    own = os.pathsep.join(map(str, [*path, REPOSITORY]))
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": own} | environment,
    )


def tutorial() -> dict[str, str]:
    """The files that the tutorial writes."""
    text = (REPOSITORY / "docs" / "extending.md").read_text(encoding="utf-8")
    return dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", text, re.DOTALL))


def test_names_differ_and_claims_say_everything():
    ids = [claim.id for paper in PAPERS for claim in paper.claims]
    assert len(set(ids)) == len(ids) and len(ids) >= 38
    for paper in PAPERS:
        assert re.fullmatch(r"[a-z][a-z0-9-]*", paper.name) and paper.title and paper.source and paper.claims
        for claim in paper.claims:
            assert claim.statement and claim.source and claim.refuted_by and claim.title
            assert claim.kind in ("theorem", "experiment", "question")


@pytest.mark.parametrize("profile", catalogue.profiles(PAPERS))
def test_every_profile_has_what_its_claims_look_at_and_is_valid(profile):
    experiments = catalogue.experiments(PAPERS, profile)
    for paper in PAPERS:
        assert set(paper.shares) <= set(paper.profiles)
        if profile in paper.profiles:
            looked_at = {name for claim in paper.claims for name in claim.experiments}
            # Many seeds are for what small nets can show, minutes for what a small d can: some are left out.
            some = profile in paper.shares or profile == "quick"
            assert looked_at & set(experiments) if some else looked_at <= set(experiments)
            assert paper.summaries.get(profile) or paper.place > 1
    for name, experiment in experiments.items():
        assert experiment.name == name and experiment.seeds > 0 and experiment.cost > 0
        experiment.validate()


def test_what_is_not_there_is_one_sentence():
    with pytest.raises(ConfigError, match="--profile = 'huge' is not allowed: one of quick, standard, paper"):
        catalogue.experiments(PAPERS, "huge")
    with pytest.raises(ConfigError, match="--only = 'nonsense' is not allowed: one of mechanism"):
        catalogue.selected(PAPERS, ["nonsense"])
    with pytest.raises(ConfigError, match="order of claims in .* = 'no-claim' is not allowed"):
        claims_in("theory_checks.papers.feature_purification.claims", order=("no-claim",))


def test_two_papers_cannot_use_one_name(monkeypatch):
    class Entry:
        name, value = "tiny", "tests.theory_checks.tiny:PAPER"

        def load(self):
            return tiny.PAPER

    monkeypatch.setattr(catalogue, "entry_points", lambda group: [Entry(), Entry()])
    with pytest.raises(ConfigError, match="paper tiny is declared 2 times"):
        catalogue.papers()


def test_a_broken_package_is_named(tmp_path):
    installed(tmp_path, "broken", "no_such_module:PAPER")
    done = python("-m", "theory_checks.all", "--list", path=[tmp_path])
    assert done.returncode == 2
    assert done.stderr.startswith("error: entry point broken = no_such_module:PAPER cannot be loaded")


@pytest.mark.long
def test_a_claim_is_one_file_and_an_experiment_one_folder(tmp_path):
    """In a copy of the package: a file in a paper's claims, and a folder in papers; nothing else is touched."""
    package = tmp_path / "theory_checks"
    shutil.copytree(REPOSITORY / "theory_checks", package, ignore=shutil.ignore_patterns("__pycache__"))
    place = "theory_checks/papers/feature_purification/claims/feature_found.py"
    (tmp_path / place).write_text(tutorial()[place])
    (package / "papers" / "walks").mkdir()
    shutil.copy(tiny.__file__, package / "papers" / "walks" / "__init__.py")
    listed = python("-m", "theory_checks.all", "--list", path=[tmp_path], cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert "feature-found" in listed.stdout and "walks-apart" in listed.stdout
    done = python("-m", "theory_checks.all", "--profile", "tiny", "--out", "out", path=[tmp_path], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "walks-end: holds" in done.stdout and (tmp_path / "out" / "report.html").exists()


@pytest.mark.long
def test_a_paper_of_another_package_needs_nothing_here(tmp_path):
    """The tutorial's paper, installed in a folder of its own: listed, run, reported, and asserted in pytest."""
    files = tutorial()
    (tmp_path / "one_sample").mkdir()
    (tmp_path / "one_sample" / "__init__.py").write_text(files["one_sample/__init__.py"])
    assert 'one-sample = "one_sample:PAPER"' in files["pyproject.toml"]
    installed(tmp_path, "one_sample", "one_sample:PAPER")
    listed = python("-m", "theory_checks.all", "--list", path=[tmp_path])
    assert "one-sample-fragile" in listed.stdout, listed.stderr
    only = ("--profile", "quick", "--only", "one-sample-accurate", "one-sample-fragile", "--seeds", "100-102")
    done = python("-m", "theory_checks.all", *only, "--out", str(tmp_path / "out"), path=[tmp_path])
    assert done.returncode == 0, done.stderr
    assert "2 claims: 2 hold" in done.stdout
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Adversarially Robust Generalization Requires More Data" in page
    tested = python(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "--theorems", "-m", "one_sample", path=[tmp_path], cwd=tmp_path
    )
    assert tested.returncode == 0 and "2 passed" in tested.stdout, tested.stdout

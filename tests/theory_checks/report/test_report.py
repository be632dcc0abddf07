"""Reports say what the verdicts say, in every format, and every format is valid."""

import base64
import io
import json
import math
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from importlib.metadata import version
from typing import Any

import jax
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory_checks.evidence import CERTIFICATES, TABLES, TRANSFER, Evidence
from theory_checks.report import print_table, write_report
from theory_checks.report.console import WIDTH, format_table, seed_ranges
from theory_checks.report.environment import Environment, environment, git_revision
from theory_checks.report.html import write_html
from theory_checks.report.json_report import write_verdicts
from theory_checks.verdict import Measurement, SeedValue, Verdict

ENVIRONMENT = Environment(
    versions={"python": "3.11.7", "jax": "0.10.2"},
    device={"platform": "cpu", "kind": "<cpu>", "count": 1},
    precision={"dtype": "float32", "matmul": "default"},
    git_revision="0123abc",
)


def part(relation, bound, *values, half=0.001, quantity="robust accuracy at τ"):
    seeds = (SeedValue(seed, v, v - half, v + half) for seed, v in enumerate(values))
    return Measurement(quantity, relation, bound, tuple(seeds))


def claim(name, *parts, **settings):
    return Verdict(name, f"Title of {name}", "Accuracy < 1%.", "FP, section 2", "default", parts, **settings)


HOLDS = claim("adversarial-robust", part(">=", 0.99, 0.995, 0.996), details={"least": 0.9})
REFUTED = claim("clean-nonrobust", part("<=", 0.01, 0.3), part("<=", 0.5, 0.1, quantity="other"), note="A note.")
OPEN = claim("purification", part("<=", 0.1, 0.0995, math.nan), reachable=False)


DATA = {"dimension": np.int64(2), "sparsity": 1}


def evidence(name="default"):
    seed = {"experiment": name, "seed": [0, 0]}
    accuracies = {"loss": [0.7, 0.1], "clean_accuracy": [0.5, 1.0], "robust_accuracy": [math.nan, 0.4]}
    attacked = {
        "net": ["clean", "robust"],
        "attack": "worst",
        "radius": 0.1,
        "correct": [3, 90],
        "points": 100,
    }
    cosines = {f"cos_{pair}": [0.1, 0.2] for pair in ("init_clean", "init_robust", "clean_robust")}
    live = {"live_clean": [True, True], "live_robust": [True, True]}
    basis = {"neuron": 7, "coordinate": [0, 1], "init": 0.0, "clean": [0.9, 0.1], "robust": [1.0, 0.0]}
    spread = {"participation": [1.9, 1.1], "mixture_cosine": [0.9, 0.7], "margin": [-1.0, 1.0]}
    point = {"net": ["clean", "clean"], "coordinate": [0, 1], "value": [-0.1, -0.1], "code": [1.0, 0.0]}
    return Evidence(
        experiment=name,
        config={"training": {"data": DATA, "rate": math.inf}, "radius": 0.1},
        radius=0.1,
        robustness=pd.DataFrame(seed | attacked),
        wins=pd.DataFrame(seed | {"net": "robust", "attack": ["fgm", "apgd"], "broke": [1, 2]}),
        neurons=pd.DataFrame(seed | {"neuron": [0, 1]} | live | cosines),
        history=pd.DataFrame(seed | {"stage": ["clean", "robust"], "step": [0, 10]} | accuracies),
        coordinates=pd.DataFrame(seed | basis),
        perturbations=pd.DataFrame(seed | {"net": ["clean", "robust"], "point": 0} | spread),
        perturbation_coordinates=pd.DataFrame(seed | point),
        transfer=pd.DataFrame([(name, "clean", s, t, 5, 100) for s in (0, 1) for t in (0, 1)], columns=list(TRANSFER)),
        certificates=pd.DataFrame([(name, 0, "robust", "any", "l2", 0.1, 60, 90, 100)], columns=list(CERTIFICATES)),
    )


# The tables of simpler classes belong to an experiment of its own.
MEASURED = [name for name in TABLES if len(getattr(evidence(), name).columns)]


def strict(text):
    def reject(word):
        raise ValueError(f"{word} is not JSON")

    return json.loads(text, parse_constant=reject)


def page(path, verdicts, **figures) -> ET.Element:
    write_html(
        path,
        verdicts,
        figures,
        profile="quick",
        config={"a": {"b": 1}},
        environment=ENVIRONMENT,
        command="run --me",
    )
    return ET.parse(path).getroot()


def words(element: ET.Element) -> str:
    return " ".join(" ".join(element.itertext()).split())


# The whole report ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("report") / "made"
    evidences = {name: evidence(name) for name in ("default", "pgd")}
    write_report(out, [HOLDS, REFUTED, OPEN], evidences, profile="quick", environment=ENVIRONMENT)
    return out


def test_report_holds_every_file_and_nothing_temporary(folder):
    kinds = ("cosines", "neuron", "perturbation", "radius_curves", "training_curves", "transfer")
    figures = {f"{e}-{k}.{s}" for e in ("default", "pgd") for k in kinds for s in ("png", "svg")}
    assert {p.name for p in folder.iterdir()} == {"verdicts.json", "report.html", "tables", "figures"}
    assert {p.name for p in (folder / "figures").iterdir()} == figures
    assert {p.name for p in (folder / "tables").iterdir()} == {f"{name}.parquet" for name in MEASURED}


def test_tables_hold_all_experiments(folder):
    for name in MEASURED:
        stored = pd.read_parquet(folder / "tables" / f"{name}.parquet")
        expected = pd.concat([getattr(evidence(e), name) for e in ("default", "pgd")], ignore_index=True)
        pd.testing.assert_frame_equal(stored, expected)


def test_figures_lie_beside_their_claims(folder):
    root = ET.parse(folder / "report.html").getroot()
    sections = {s.get("id"): s for s in root.iter("section")}
    robust = sections["claim-adversarial-robust"]
    (image,) = robust.iter("img")  # that of the other experiment is shown elsewhere
    encoded = (image.get("src") or "").removeprefix("data:image/png;base64,")
    assert base64.b64decode(encoded) == (folder / "figures" / "default-radius_curves.png").read_bytes()
    # The next claim about the same figure links to it; its target exists.
    link = next(sections["claim-clean-nonrobust"].iter("a")).get("href") or ""
    assert link[1:] in {e.get("id") for e in root.iter()}
    assert len(list(root.iter("img"))) == 12


def test_report_without_evidence(tmp_path):
    write_report(tmp_path, [], {}, profile="quick", environment=ENVIRONMENT)
    assert strict((tmp_path / "verdicts.json").read_text())["claims"] == []


def test_report_of_one_seed_without_live_neurons(tmp_path):
    dead = evidence("pgd")
    empty = pd.DataFrame(columns=["experiment", "seed", "neuron"])
    alone = pd.DataFrame(columns=list(TRANSFER))
    dead = Evidence(**{**vars(dead), "coordinates": empty, "transfer": alone})
    write_report(tmp_path, [HOLDS], {"default": evidence(), "pgd": dead}, profile="q", environment=ENVIRONMENT)
    assert not (tmp_path / "figures" / "pgd-neuron.png").exists()
    assert not (tmp_path / "figures" / "pgd-transfer.png").exists()
    stored = pd.read_parquet(tmp_path / "tables" / "coordinates.parquet")
    pd.testing.assert_frame_equal(stored, evidence().coordinates)


# JSON ------------------------------------------------------------------------------------------------


def test_json_is_strict_and_says_what_the_verdicts_say(folder):
    report = strict((folder / "verdicts.json").read_text(encoding="utf-8"))
    assert list(report) == ["profile", "versions", "device", "precision", "git_revision", "config", "claims"]
    assert report["git_revision"] == "0123abc" and report["device"]["count"] == 1
    assert report["config"]["default"]["training"] == {"data": DATA, "rate": None}
    first, second, third = report["claims"]
    assert first["id"] == "adversarial-robust" and first["verdict"] == "holds"
    assert first["measured"] == pytest.approx(0.9955) and first["interval"] == pytest.approx([0.994, 0.997])
    assert (first["bound"], first["relation"], first["seeds"]) == (0.99, ">=", [0, 1])
    assert first["details"] == {"least": 0.9} and first["quantity"] == "robust accuracy at τ"
    assert (second["verdict"], second["note"], second["measured"]) == ("refuted", "A note.", 0.3)
    assert [p["verdict"] for p in second["parts"]] == ["refuted", "holds"]
    assert second["parts"][1]["per_seed"] == [{"seed": 0, "value": 0.1, "interval": [0.099, 0.101]}]
    assert (third["verdict"], third["measured"], third["reachable"]) == ("inconclusive", None, False)
    assert third["parts"][0]["per_seed"][1] == {"seed": 1, "value": None, "interval": [None, None]}


# One infinity only: the mean of both is undefined.
number = st.floats(-1e300, 1e300) | st.sampled_from([math.nan, math.inf])


@given(bound=number, values=st.lists(number, min_size=1, max_size=3), note=st.text())
def test_any_numbers_and_text_survive_json(bound, values, note, tmp_path_factory):
    path = tmp_path_factory.mktemp("json") / "verdicts.json"
    verdict = claim("any", part(">=", bound, *values), note=note, details={"x": values[0]})
    write_verdicts(path, [verdict], profile="quick", config={}, environment=ENVIRONMENT)
    (found,) = strict(path.read_text(encoding="utf-8"))["claims"]
    assert found["note"] == note
    stored = [seed["value"] for seed in found["parts"][0]["per_seed"]]
    assert stored == [value if math.isfinite(value) else None for value in values]


def test_config_that_json_cannot_hold_leaves_no_file(tmp_path):
    with pytest.raises(TypeError):
        write_verdicts(tmp_path / "v.json", [], profile="q", config={"f": print}, environment=ENVIRONMENT)
    assert list(tmp_path.iterdir()) == []


# HTML ------------------------------------------------------------------------------------------------


def test_page_states_each_claim_and_its_numbers(tmp_path):
    root = page(tmp_path / "report.html", [HOLDS, REFUTED, OPEN])
    text = words(root)
    assert "3 claims: 1 hold, 1 refuted, 1 inconclusive" in text
    for expected in ("quick", "1 × <cpu> (cpu)", "jax 0.10.2", "0123abc", "run --me", "float32"):
        assert expected in text
    section = {s.get("id"): s for s in root.iter("section")}["claim-clean-nonrobust"]
    assert section.get("class") == "card claim refuted"
    for expected in (
        "Accuracy < 1%.",
        "FP, section 2",
        "A note.",
        "0.3",
        "[0.299, 0.301]",
        "≤ 0.01",
        "(decides)",
    ):
        assert expected in words(section)
    assert len(list(section.iter("details"))) == 2
    # A seed that is not finite cannot be drawn to scale.
    drawings = [len(list(s.iter("{http://www.w3.org/2000/svg}svg"))) for s in root.iter("section")]
    assert drawings == [0, 1, 2, 0]


def test_page_is_self_contained(folder):
    source = (folder / "report.html").read_text(encoding="utf-8")
    assert source.startswith("<!DOCTYPE html>\n")
    targets = re.findall(r'(?:src|href)="([^"]{0,30})', source)
    assert targets and all(t.startswith(("#claim-", "#figure-", "data:image/png;base64,")) for t in targets)
    assert "@import" not in source and "url(" not in source and "<script" not in source
    assert "prefers-color-scheme: dark" in source


@given(evil=st.text(st.sampled_from("<>&\"'/scriptτ \x00\x0b\x85\n") | st.characters(codec="utf-8"), max_size=40))
def test_any_text_is_escaped(evil, tmp_path_factory):
    path = tmp_path_factory.mktemp("html") / "report.html"
    seeds = (SeedValue(0, 0.5, 0.4, 0.6),)
    verdict = Verdict(evil, evil, evil, evil, evil, (Measurement(evil, ">=", 0.1, seeds),), note=evil)
    plain = page(path, [claim("x", part(">=", 0.1, 0.5), note="n")])
    root = page(path, [verdict])
    # The same elements, whatever the text (a note of no characters is not shown).
    tags = [e.tag for e in plain.iter() if evil or e.get("class") != "note"]
    assert [e.tag for e in root.iter()] == tags


def test_script_is_text(tmp_path):
    root = page(tmp_path / "report.html", [claim("x", part(">=", 0, 1), note="<script>alert(1)</script>")])
    assert "<script>alert(1)</script>" in words(root)
    assert not list(root.iter("script"))


# Console ---------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_table_says_what_the_verdicts_say():
    lines = format_table([HOLDS, REFUTED, OPEN]).splitlines()
    assert lines[0].split("  ")[0] == "claim"
    assert lines[2].split() == [
        "adversarial-robust",
        "holds",
        "0.9955",
        "[0.994,",
        "0.997]",
        ">=",
        "0.99",
        "0-1",
    ]
    assert lines[3].split() == ["clean-nonrobust", "refuted", "0.3", "[0.299,", "0.301]", "<=", "0.01", "0"]
    assert "clean-nonrobust: A note." in lines
    assert lines[-1] == "3 claims: 1 hold, 1 refuted, 1 inconclusive"


def test_notes_of_claims_that_hold_are_left_to_the_page():
    assert "A note." not in format_table([claim("x", part(">=", 0, 1), note="A note.")])


@given(
    name=st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=150),
    bound=number,
    values=st.lists(number, min_size=1, max_size=30),
    colour=st.booleans(),
)
def test_table_fits_the_width(name, bound, values, colour):
    text = format_table([claim(name, part(">=", bound, *values), note="word " * 60)], colour=colour)
    visible = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert max(map(len, visible.splitlines())) <= WIDTH
    assert visible == format_table([claim(name, part(">=", bound, *values), note="word " * 60)])


def test_long_names_and_scattered_seeds_give_way():
    seeds = tuple(SeedValue(7 * n, 0.5, 0.4, 0.6) for n in range(30))
    line = format_table([claim("name" * 40, Measurement("x", ">=", 0.1, seeds))]).splitlines()[2]
    assert len(line) <= WIDTH and line.startswith("namename") and line.endswith(">= 0.1  30 seeds")


@pytest.mark.parametrize(
    ("stream", "no_color", "coloured"),
    [(Terminal, None, True), (Terminal, "", True), (Terminal, "1", False), (io.StringIO, None, False)],
)
def test_colour_only_on_a_terminal(stream, no_color, coloured, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)
    out = stream()
    print_table([HOLDS, REFUTED], out)
    assert ("\x1b[32mholds\x1b[0m" in out.getvalue()) == coloured
    assert ("\x1b" in out.getvalue()) == coloured


def test_terminal_that_knows_no_greek():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    print_table([claim("x", part("<=", 0, 1), note="at τ")], stream)
    assert b"x: at ?" in raw.getvalue()


@given(st.sets(st.integers(0, 40), max_size=20))
def test_seed_ranges_name_exactly_the_seeds(seeds):
    found = set()
    for piece in filter(None, seed_ranges(tuple(seeds)).split(",")):
        first, _, last = piece.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    assert found == seeds
    assert seed_ranges((5, 2, 0, 1)) == "0-2,5"


# Environment -----------------------------------------------------------------------------------------


def test_environment_describes_this_process():
    here = environment()
    assert here.versions["jax"] == jax.__version__ and here.versions["optax"] == version("optax")
    assert here.device == {
        "platform": jax.devices()[0].platform,
        "kind": jax.devices()[0].device_kind,
        "count": jax.device_count(),
    }
    assert here.precision["dtype"] == "float32"
    with jax.default_matmul_precision("highest"):
        assert environment().precision["matmul"] == "highest"


def git(folder, *arguments) -> Any:
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]
    identity += ["-c", f"core.hooksPath={folder}"]
    # Under a git hook these name the project's own repository.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments],
        check=True,
        capture_output=True,
        text=True,
        env=clean,
    )
    return done.stdout.strip()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_revision(tmp_path, monkeypatch):
    assert git_revision(tmp_path) is None
    git(tmp_path, "init", "-q")
    assert git_revision(tmp_path) is None  # nothing committed yet
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-q", "-m", "first")
    head = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "untracked").write_text("")
    assert git_revision(tmp_path) == head
    (tmp_path / "file").write_text("two")
    assert git_revision(tmp_path) == f"{head}-dirty"
    (tmp_path / "inside").mkdir()
    assert git_revision(tmp_path / "inside") is None  # somewhere in an unrelated checkout
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert git_revision(tmp_path) == f"{head}-dirty"

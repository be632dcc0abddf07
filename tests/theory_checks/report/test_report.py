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
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import jax
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from purifyjax.commands.seeds import seed_ranges
from purifyjax.provenance import Environment, environment, from_plain, git_revision
from theory_checks.claim import Claim
from theory_checks.evidence import Evidence, Table
from theory_checks.figure import Figure
from theory_checks.measuring.attacked import ROBUSTNESS
from theory_checks.measuring.figures import RADIUS_CURVES
from theory_checks.paper import Paper
from theory_checks.report import Report, print_table
from theory_checks.report.console import WIDTH, format_table, format_verdict
from theory_checks.report.drawing import Drawn
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
    settings = {"paper": "fp", "refuted_by": "accuracy above 1%", "figures": ("default-radius_curves",)} | settings
    return Verdict(name, f"Title of {name}", "Accuracy < 1%.", "FP, section 2", ("default",), parts, **settings)


HOLDS = claim("adversarial-robust", part(">=", 0.99, 0.995, 0.996))
REFUTED = claim("clean-nonrobust", part("<=", 0.01, 0.3), part("<=", 0.5, 0.1, quantity="other"), note="A note.")
OPEN = claim("purification", part("<=", 0.1, 0.0995, math.nan), reachable=False)
ASKED = claim("natural", part("<=", 0.01, 0.3), kind="question")

OWN = Table("own", "A row of our own.", {"experiment": "its name", "seed": "number", "length": "in metres"})


@dataclass(frozen=True)
class Config:
    name: str
    radius: float = 0.1
    norm: str = "l2"
    rate: float = math.inf


def evidence(name="default", rows=2, environments=None):
    seed = {"experiment": name, "seed": [0, 0]}
    net = {
        "net": ["clean", "robust"],
        "attack": "worst",
        "radius": 0.1,
        "correct": [3, 90],
        "points": 100,
        "spent": 1.0,
    }
    tables = {
        "robustness": ROBUSTNESS.checked(pd.DataFrame(seed | net))[:rows],
        "own": OWN.checked(pd.DataFrame(seed | {"length": [1.0, 2.0]})),
    }
    return Evidence(Config(name), tables, (0,), environments=environments or (ENVIRONMENT,))


EVIDENCES = {"default": evidence(), "pgd": evidence("pgd")}


def stated(verdict, *figures: Figure):
    """The claim that a verdict is about."""
    own = figures or (RADIUS_CURVES,)
    return Claim(verdict.id, verdict.title, verdict.statement, verdict.source, "it", lambda e: (), figures=own)


PAPER = Paper("fp", "Feature & Purification", "arXiv", (), {})
STATED = [(PAPER, stated(verdict)) for verdict in (HOLDS, REFUTED, OPEN)]
BY_ID = {verdict.id: verdict for verdict in (HOLDS, REFUTED, OPEN)}


def report(out, claims=STATED):
    return Report(out, claims, profile="quick", command="run --me")


def strict(text):
    def reject(word):
        raise ValueError(f"{word} is not JSON")

    return json.loads(text, parse_constant=reject)


def page(path, verdicts, figures=None, **more) -> ET.Element:
    settings: dict[str, Any] = {"config": {"a": {"b": 1}}, "environments": [ENVIRONMENT], "command": "run --me"} | more
    write_html(path, verdicts, figures or {}, profile="quick", **settings)
    return ET.parse(path).getroot()


def words(element: ET.Element) -> str:
    return " ".join(" ".join(element.itertext()).split())


# The whole report ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("report") / "made"
    report(out).write(BY_ID, EVIDENCES)
    return out


def test_report_holds_every_file_and_nothing_temporary(folder):
    assert {p.name for p in folder.iterdir()} == {"verdicts.json", "report.html", "tables", "figures"}
    # Only figures that a claim names are drawn.
    assert {p.name for p in (folder / "figures").iterdir()} == {f"default-radius_curves.{s}" for s in ("png", "svg")}
    assert {p.name for p in (folder / "tables").iterdir()} == {"robustness.parquet", "own.parquet"}


def test_tables_hold_all_experiments_and_explain_themselves(folder):
    for table in (ROBUSTNESS, OWN):
        stored = pd.read_parquet(folder / "tables" / f"{table.name}.parquet")
        expected = pd.concat([evidence(e)[table] for e in ("default", "pgd")], ignore_index=True)
        pd.testing.assert_frame_equal(stored, expected)
        assert stored.attrs == {"table": table.name, "meaning": table.meaning, "columns": dict(table.columns)}


def test_figures_lie_beside_their_claims(folder):
    root = ET.parse(folder / "report.html").getroot()
    sections = {s.get("id"): s for s in root.iter("section")}
    (image,) = sections["claim-adversarial-robust"].iter("img")
    encoded = (image.get("src") or "").removeprefix("data:image/png;base64,")
    assert base64.b64decode(encoded) == (folder / "figures" / "default-radius_curves.png").read_bytes()
    # The next claim about the same figure links to it; its target exists.
    link = next(sections["claim-clean-nonrobust"].iter("a")).get("href") or ""
    assert link[1:] in {e.get("id") for e in root.iter()}
    assert len(list(root.iter("img"))) == 1


def test_page_explains_the_tables(folder):
    root = ET.parse(folder / "report.html").getroot()
    text = words(root)
    assert "A row of our own." in text and "in metres" in text and "tables/own.parquet" in text


def test_report_without_evidence(tmp_path):
    report(tmp_path, []).write({}, {})
    assert strict((tmp_path / "verdicts.json").read_text())["claims"] == []


def test_report_says_what_is_still_to_be_judged(tmp_path):
    written = report(tmp_path)
    written.write({HOLDS.id: HOLDS}, EVIDENCES)
    first = strict((tmp_path / "verdicts.json").read_text())
    assert not first["complete"] and first["pending"] == [REFUTED.id, OPEN.id]
    assert "2 claims are to be judged" in (tmp_path / "report.html").read_text()
    written.write(BY_ID, EVIDENCES)
    assert strict((tmp_path / "verdicts.json").read_text())["complete"]


def test_an_earlier_reports_tables_and_figures_go(tmp_path):
    report(tmp_path).write(BY_ID, EVIDENCES)
    other = STATED[2][1]
    report(tmp_path, [(PAPER, stated(OPEN, RADIUS_CURVES))]).write({other.id: OPEN}, {"default": evidence(rows=0)})
    assert not (tmp_path / "figures").exists()
    assert pd.read_parquet(tmp_path / "tables" / "robustness.parquet").empty


def test_the_environments_that_made_the_numbers_are_named(tmp_path):
    elsewhere = replace(ENVIRONMENT, git_revision="fedcba9", device={"platform": "gpu", "kind": "G", "count": 8})
    evidences = {"default": evidence(), "pgd": evidence("pgd", environments=(elsewhere, ENVIRONMENT))}
    report(tmp_path).write(BY_ID, evidences)
    found = strict((tmp_path / "verdicts.json").read_text())
    assert found["environments"] == [ENVIRONMENT.plain(), elsewhere.plain()]
    text = words(ET.parse(tmp_path / "report.html").getroot())
    assert "fedcba9" in text and "0123abc" in text and "8 × G (gpu)" in text


# JSON ------------------------------------------------------------------------------------------------


def test_json_is_strict_and_says_what_the_verdicts_say(folder):
    report = strict((folder / "verdicts.json").read_text(encoding="utf-8"))
    assert {"profile", "versions", "device", "precision", "git_revision", "config", "claims"} <= set(report)
    assert report["git_revision"] == "0123abc" and report["device"]["count"] == 1
    assert report["config"]["default"]["rate"] is None and report["config"]["pgd"]["radius"] == 0.1
    first, second, third = report["claims"]
    assert first["id"] == "adversarial-robust" and first["verdict"] == "holds"
    assert first["measured"] == pytest.approx(0.9955) and first["interval"] == pytest.approx([0.994, 0.997])
    assert (first["bound"], first["relation"], first["seeds"]) == (0.99, ">=", [0, 1])
    assert first["quantity"] == "robust accuracy at τ" and first["refuted_by"] == "accuracy above 1%"
    assert (first["kind"], first["answer"], first["paper"]) == ("theorem", "holds", "fp")
    assert first["figures"] == ["default-radius_curves"] and first["experiment"] == "default"
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
    verdict = claim("any", part(">=", bound, *values), note=note)
    write_verdicts(path, [verdict], profile="quick", config={}, environments=[ENVIRONMENT])
    (found,) = strict(path.read_text(encoding="utf-8"))["claims"]
    assert found["note"] == note
    stored = [seed["value"] for seed in found["parts"][0]["per_seed"]]
    assert stored == [value if math.isfinite(value) else None for value in values]


def test_config_that_json_cannot_hold_leaves_no_file(tmp_path):
    with pytest.raises(TypeError):
        write_verdicts(tmp_path / "v.json", [], profile="q", config={"f": print}, environments=[])
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
    assert "It would be refuted by: accuracy above 1%." in words(section)
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
    parts = (Measurement(evil, ">=", 0.1, seeds, unit="u" + evil),)
    verdict = Verdict(evil, evil, evil, evil, (evil,), parts, note=evil, refuted_by="r" + evil)
    plain = page(path, [claim("x", replace(part(">=", 0.1, 0.5), unit="u"), note="n")])
    root = page(path, [verdict])
    # The same elements, whatever the text (a note of no characters is not shown).
    tags = [e.tag for e in plain.iter() if evil or e.get("class") != "note"]
    assert [e.tag for e in root.iter()] == tags


def test_script_is_text(tmp_path):
    root = page(tmp_path / "report.html", [claim("x", part(">=", 0, 1), note="<script>alert(1)</script>")])
    assert "<script>alert(1)</script>" in words(root)
    assert not list(root.iter("script"))


def test_a_question_is_answered(tmp_path):
    text = words(page(tmp_path / "report.html", [ASKED]))
    assert "1 questions: 0 yes, 1 no, 0 open" in text and "It would be answered no by: accuracy above 1%." in text
    assert "refuted" not in text.split("1 questions")[1].replace("refuted by", "")
    assert format_table([ASKED]).splitlines()[2].split()[1] == "no"
    assert format_verdict(ASKED).startswith("natural: no, 0.3 ")


def test_units_and_numbers_of_no_seed_are_told(tmp_path):
    measured = Measurement("share", ">=", 0.1, (SeedValue(None, 0.5, 0.4, 0.6),), unit="share of neurons")
    text = words(page(tmp_path / "report.html", [claim("x", measured)]))
    assert "share [share of neurons]" in text and "all 0.5" in text and "None" not in text


def test_a_figure_without_a_file_is_left_out(tmp_path):
    (tmp_path / "a.png").write_bytes(b"png")
    drawn = {"default-a": Drawn(tmp_path / "a.png", "caption a")}
    root = page(tmp_path / "r.html", [claim("x", part(">=", 0, 1), figures=("default-a", "default-b"))], drawn)
    assert len(list(root.iter("img"))) == 1 and "caption a" in words(root)


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
    assert from_plain(json.loads(json.dumps(here.plain()))) == here


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

"""Command lines at random: each ends with a status that is documented, and what is refused is one sentence."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import fields

import pytest

from benchmarks import attack_strength
from theory_checks import all as every
from theory_checks import image_features, merge, options

ODD = [
    *("", "0", "1", "-1", "2,3", "0-1", "1,1", "3-1", "nan", "inf", "-inf", "1e300", "1e-300", "1e15", "0.5", "1.5"),
    *("9" * 22, "1_0", "0x10", "４", "abc", "None", "True", "τ", "\udcff", "a\nb", "a\0b", "\x1b[31m", "%s", "{}"),
    *(
        "--",
        "-",
        "-x",
        "--x",
        "=",
        "~/x",
        "~no-such-user/x",
        ".",
        "/dev/null",
        "/dev/null/x",
        "x" * 300,
        "tiny",
        "quick",
    ),
    *("walks-end", "late", "digits", "mnist", "cats", "-h", "--help", "--list", "--strict", "--out", "here", "there"),
]
SENSIBLE = {
    **{"profile": ["tiny"], "only": ["late", "walks-end"], "seeds": ["1", "0-1", "7,"], "radius": ["2", "1e-3"]},
    **{"dataset": ["digits"], "data_dir": ["here"], "out": ["here", "there", "~/x"], "threshold": ["0.5"]},
    **{"steps": ["3"], "learning_rate": ["0.1"], "samples": ["20"], "points": ["9"], "strict": [""], "resume": [""]},
}


pytestmark = pytest.mark.usefixtures("tiny_paper", "blank_figures", "no_images")


@pytest.fixture(autouse=True)
def _at_home(monkeypatch, tmp_path):
    """In a folder and a home of one's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def line(draw: random.Random, kind: type, positional: list[str]) -> list[str]:
    """A command line of sensible words and odd ones."""
    words = [draw.choice(positional if draw.random() < 0.7 else ODD) for _ in positional]
    for field in draw.sample(fields(kind), draw.randint(0, min(4, len(fields(kind))))):
        if field.name not in SENSIBLE:
            continue
        flag = "--" + field.name.replace("_", draw.choice("-_"))
        value = draw.choice(SENSIBLE[field.name] if draw.random() < 0.6 else ODD)
        form = draw.random()
        words += [flag] if not value or form < 0.05 else [flag, value] if form < 0.6 else [f"{flag}={value}"]
    words += [draw.choice(ODD)] if draw.random() < 0.15 else []
    return words


Main = Callable[[list[str]], int]
COMMANDS: dict[str, tuple[Main, type, list[str], list[str], int]] = {
    "all": (every.main, options.Options, ["--profile=tiny"], [], 120),
    "merge": (merge.main, merge.Options, [], ["here", "there"], 60),
    "image_features": (image_features.main, image_features.Options, [], [], 100),
    "attack_strength": (attack_strength.main, attack_strength.Options, [], ["nets.npz"], 20),
}


@pytest.mark.parametrize(("main", "kind", "always", "positional", "count"), COMMANDS.values(), ids=list(COMMANDS))
def test_every_line_has_a_status_and_what_is_refused_is_a_sentence(main, kind, always, positional, count, capsys):
    draw = random.Random(0)
    for name in positional[:2] if main is merge.main else []:
        assert every.main(["--profile", "tiny", "--seeds", "7," if name == "here" else "8,", "--out", name]) == 0
    capsys.readouterr()
    seen = Counter()
    for _ in range(count):
        words = line(draw, kind, positional)
        words = [*(always if draw.random() < 0.9 and "--profile" not in " ".join(words) else []), *words]
        status = main(words)
        printed = capsys.readouterr()
        sentences = [text for text in printed.err.splitlines() if text.startswith("error: ")]
        assert status in (0, 1, 2, 3, 4), (words, printed.err)
        assert "Traceback" not in printed.out + printed.err, words
        assert len(sentences) == (status in (2, 4)), (words, printed.err)
        assert not any("\x1b" in text or len(text) < 15 for text in sentences), (words, sentences)
        seen[status] += 1
    # The sample says something of both kinds (nets to attack are not there).
    assert seen[2] >= count / 5 and (seen[0] >= count / 10 or main is attack_strength.main), seen

"""any-perturbation: proof, attack and what lies between; a proof that falls short refutes nothing."""

import pandas as pd
import pytest

from tests.theory_checks.toys._two_layer import training
from theory_checks.evidence import Evidence
from theory_checks.measuring.attacked import CERTIFICATES, ROBUSTNESS, WINS
from theory_checks.papers.feature_purification.claims import any_perturbation
from theory_checks.papers.feature_purification.experiment import Purification

TAU, POINTS = 0.3, 1000
WIDE = training().replace(data=training().data.replace(dimension=1024, sparsity=31))
CONFIG = Purification(name="default", training=WIDE, radius=TAU, monitored_radius=TAU, seeds=2)


def evidence(at_radius=950, near=(1000, 990), attacked=3990):
    """Two seeds: points certified at τ, (standing, certified) at 0.75 τ, and left by attacks of 4000."""
    rows = [
        ("default", seed, "robust", method, "l2", factor * TAU, count, standing, POINTS)
        for seed in (0, 1)
        for factor, method, count, standing in (
            (1.0, "quadratic", at_radius, 1000),
            (0.75, "quadratic", near[1], near[0]),
            *((1.0, method, 10, 1000) for method in ("lipschitz", "interval", "crown")),
        )
    ]
    robustness = pd.DataFrame(
        [(seed, "robust", "worst", TAU, attacked, 4000, 1.0) for seed in (0, 1)],
        columns=["seed", "net", "attack", "radius", "correct", "points", "spent"],
    )
    wins = pd.DataFrame(
        [(0, "robust", "fgm", 3), (1, "robust", "apgd", 20)], columns=["seed", "net", "attack", "broke"]
    )
    tables = {ROBUSTNESS: robustness, WINS: wins, CERTIFICATES: pd.DataFrame(rows, columns=list(CERTIFICATES.columns))}
    return Evidence(CONFIG, {table.name: frame for table, frame in tables.items()})


def check(**settings):
    return any_perturbation.CLAIM.check({"default": evidence(**settings)})


def test_holds_when_proof_and_attack_agree():
    verdict = check()
    assert verdict.outcome == "holds"
    assert verdict.parts[0].measured == pytest.approx(0.95) and verdict.parts[1].measured == pytest.approx(0.01)
    assert "certified up to 0.75 τ" in verdict.note and "interval 1%" in verdict.note
    assert "apgd 20, fgm 3" in verdict.note


@pytest.mark.parametrize(
    ("settings", "outcome"),
    [
        ({"at_radius": 500}, "inconclusive"),  # a loose certificate says nothing about the net
        ({"near": (1000, 500)}, "inconclusive"),
        ({"attacked": 3000}, "refuted"),  # an attack that succeeds does
        ({"at_radius": 905}, "inconclusive"),
    ],
)
def test_only_an_attack_can_refute(settings, outcome):
    assert check(**settings).outcome == outcome


def test_the_note_says_when_nothing_reaches_99_percent():
    assert "at no radius tried" in check(at_radius=900, near=(1000, 900)).note


def test_the_note_says_when_nothing_is_certified():
    verdict = any_perturbation.CLAIM.check({"default": Evidence(CONFIG, {}, (0,))})
    assert verdict.outcome == "inconclusive" and verdict.note.startswith("This profile certifies no points.")

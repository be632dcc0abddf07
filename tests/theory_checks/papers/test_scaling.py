"""Exponents are found where they are known, and claims fail where they are others."""

import itertools

import numpy as np
import pandas as pd
import pytest

from theory_checks.evidence import Evidence
from theory_checks.papers.scaling import PAPER, exponents
from theory_checks.papers.scaling.experiment import Scaling
from theory_checks.papers.scaling.tables import NUMBERS, SCALING

CLAIMS = {claim.id: claim for claim in PAPER.claims}
CONFIG = Scaling(seeds=2)


def evidence(noise: float = 0.02, **shift: float) -> Evidence:
    """Nets that follow every prediction, but for shifts of the exponents."""
    rng, rows = np.random.default_rng(0), []
    for d, a in itertools.product(CONFIG.dimensions, CONFIG.exponents):
        k = CONFIG.at(d, a).sparsity
        constant = 0.5 * d ** shift.get("mixture", 0.0)
        # At these sizes the clean radius is that of mixture and features together; a large d leaves the mixture's.
        radii = {
            "radius_linear": 4.0 / d**0.5,
            "radius_clean": 4.0 * d**0.5 / k**2,
            "radius_robust": 3.0 / k**0.5,
            "memory_clean": 1.0 / d**0.5,
            "memory_robust": 0.8 / d**0.5,
            "mixture_clean": constant,
        }
        for seed, replica in itertools.product((100, 101), range(CONFIG.replicas(d))):
            own = {n: r * d ** shift.get(n, 0.0) * np.exp(noise * rng.normal()) for n, r in radii.items()}
            head = {"experiment": "scaling", "seed": seed, "replica": replica, "exponent": a}
            rows.append(head | {"dimension": d, "sparsity": k} | dict.fromkeys(NUMBERS, 0.5) | own)
    return Evidence(CONFIG, {SCALING.name: SCALING.checked(pd.DataFrame(rows))}, seeds=(100, 101))


def outcome(claim: str, found: Evidence) -> str:
    return CLAIMS[claim].check({"scaling": found}).outcome


@pytest.mark.parametrize("claim", sorted({*CLAIMS} - {"scaling-clean-finite"}))
def test_nets_that_follow_the_predictions_pass(claim):
    assert outcome(claim, evidence()) == "holds"


@pytest.mark.parametrize(
    ("claim", "shift"),
    [
        ("scaling-linear", {"radius_linear": 0.2}),
        ("scaling-clean", {"radius_clean": 0.2}),
        ("scaling-clean", {"radius_clean": -0.2}),
        ("scaling-robust", {"radius_robust": -0.2}),
        ("scaling-mixture", {"mixture": 0.25}),
        ("scaling-gap", {"radius_clean": 0.4}),
        ("scaling-memory", {"memory_robust": 0.6}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_nets_that_do_not_are_refuted(claim, shift):
    assert outcome(claim, evidence(**shift)) == "refuted"


def test_scatter_leaves_it_open():
    assert outcome("scaling-linear", evidence(noise=0.6)) == "inconclusive"


def test_both_parts_of_the_gradient_make_the_finite_radius():
    found = evidence()
    rows = found[SCALING]
    dense = 1.0 / np.sqrt(rows.sparsity + 0.25 * rows.sparsity**4 / rows.dimension)
    table = rows.assign(mixture_clean=0.5, radius_clean=4.0 * dense)
    followed = Evidence(CONFIG, {SCALING.name: table}, seeds=(100, 101))
    assert outcome("scaling-clean-finite", followed) == "holds"
    drifting = table.assign(radius_clean=table.radius_clean * rows.dimension**0.2)
    assert outcome("scaling-clean-finite", Evidence(CONFIG, {SCALING.name: drifting}, seeds=(100, 101))) == "refuted"


def test_an_exponent_is_covered_as_often_as_it_says():
    """Cells scatter about the means of their sizes: the interval of the slope has it in at least 95% of repetitions."""
    rng, covered = np.random.default_rng(1), 0
    d = np.repeat([64, 128, 256, 512, 1024], [16, 16, 8, 4, 2])
    for _ in range(400):
        rows = pd.DataFrame({"dimension": d, "q": d**-0.3 * np.exp(0.1 * rng.normal(size=len(d)))})
        fit = exponents.slope_of(rows, lambda rows: rows.q)
        covered += fit.slope_low <= -0.3 <= fit.slope_high
    assert covered >= 0.93 * 400


def test_sparsity_is_that_of_its_exponent():
    for a in CONFIG.exponents:
        sizes = [CONFIG.at(d, a).sparsity for d in CONFIG.dimensions]
        assert sizes[0] == 9
        rows = pd.DataFrame({"dimension": CONFIG.dimensions, "sparsity": sizes})
        assert exponents.of_k(rows) == pytest.approx(a, abs=0.03)

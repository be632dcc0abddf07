"""pure-perturbations and transfer: each part is judged by its own rows, and by the worst of them."""

import math

import numpy as np
import pandas as pd
import pytest

from purifyjax.data import SparseCoding
from purifyjax.stats import clopper_pearson, median_interval
from purifyjax.training import Training
from theory_checks.evidence import Evidence
from theory_checks.papers.feature_purification.claims import pure_perturbations, transfer
from theory_checks.papers.feature_purification.experiment import Purification
from theory_checks.papers.feature_purification.tables import TRANSFER

D, K = 900, 16
RNG = np.random.default_rng(0)


def perturbations(**medians):
    """A table whose medians a net and column are the ones given; defaults satisfy the claim."""
    medians = {"clean": (400.0, 0.8), "robust": (30.0, 0.2)} | medians
    frames = [
        pd.DataFrame(
            {
                "seed": seed,
                "net": net,
                "participation": number + RNG.permutation(np.linspace(-1, 1, 101)),
                "mixture_cosine": cosine + RNG.permutation(np.linspace(-0.01, 0.01, 101)),
            }
        )
        for seed in (0, 1)
        for net, (number, cosine) in medians.items()
    ]
    return pd.concat(frames)


def pairs(rows):
    return pd.DataFrame([("default", *row, 256) for row in rows], columns=list(TRANSFER.columns))


def evidence(table=None, transferred=None):
    data = SparseCoding(dimension=D, sparsity=K)
    config = Purification(name="default", training=Training(data, D, (), ()), radius=0.3, monitored_radius=0.3, seeds=2)
    tables = {
        "perturbations": perturbations() if table is None else table,
        "transfer": pairs([]) if transferred is None else transferred,
    }
    return {"default": Evidence(config, tables)}


def test_pure_perturbations_hold_within_their_bounds():
    verdict = pure_perturbations.CLAIM.check(evidence())
    assert verdict.outcome == "holds" and "64%" in verdict.note
    assert [p.bound for p in verdict.parts] == pytest.approx([D / 3, 3 * K, 1 / math.sqrt(2), 2 * math.sqrt(K / D)])
    assert [p.relation for p in verdict.parts] == [">=", "<=", ">=", "<="]
    assert [p.measured for p in verdict.parts] == pytest.approx([400, 30, 0.8, 0.2])
    table = perturbations()
    values = table[(table.seed == 1) & (table.net == "robust")].participation
    assert (verdict.parts[1].seeds[1].low, verdict.parts[1].seeds[1].high) == pytest.approx(median_interval(values))


@pytest.mark.parametrize(
    ("part", "medians"),
    [
        (0, {"clean": (298.0, 0.8)}),
        (1, {"robust": (50.0, 0.2)}),
        (2, {"clean": (400.0, 0.69)}),
        (3, {"robust": (30.0, 0.28)}),
    ],
)
def test_each_part_alone_refutes(part, medians):
    verdict = pure_perturbations.CLAIM.check(evidence(perturbations(**medians)))
    assert verdict.outcome == "refuted"
    assert [p.outcome == "refuted" for p in verdict.parts] == [n == part for n in range(4)]


OTHERS = [("robust", 0, 1, 250), ("robust", 1, 0, 256), ("clean to robust", 0, 1, 256), ("clean to robust", 1, 0, 256)]


def test_transfer_judges_the_least_harmful_other_seed():
    # The diagonal does not count, however the attack on the net itself fares.
    rows = [("clean", s, t, 200 if s == t else 2 * s + t) for s in range(3) for t in range(3)]
    verdict = transfer.CLAIM.check(evidence(transferred=pairs(rows + OTHERS)))
    (part,) = verdict.parts
    assert verdict.outcome == "holds" and "98.8%" in verdict.note and "100.0%" in verdict.note
    assert [(s.seed, round(256 * s.value)) for s in part.seeds] == [(0, 4), (1, 5), (2, 4)]
    assert (part.seeds[1].low, part.seeds[1].high) == pytest.approx(clopper_pearson(5, 256))


def test_one_source_that_does_not_transfer_refutes():
    rows = [("clean", s, t, 60 if s == 2 or t == 2 else 0) for s in range(3) for t in range(3)]
    assert transfer.CLAIM.check(evidence(transferred=pairs(rows + OTHERS))).outcome == "refuted"


def test_transfer_of_one_seed_is_inconclusive():
    verdict = transfer.CLAIM.check(evidence())
    assert verdict.outcome == "inconclusive" and "two seeds" in verdict.note and verdict.seeds == ()

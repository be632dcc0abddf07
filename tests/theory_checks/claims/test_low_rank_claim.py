"""low-rank: from which rank on little is lost, with the paired interval, seed by seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from theory_checks.claims import low_rank
from theory_checks.evidence import Evidence

POINTS, FULL, RANKS = 1000, 64, (1, 4, 16, 32)
CLOSE, FAR = (985, 983, 986, 988), (930, 940, 950, 985)


def rows(robust, *, net="theory", seed=0, most=990, gained=2):
    """A net's rows: 0, the ranks, unrestricted; `gained` points are right only at a rank."""
    lost = [most - own + gained for own in robust]
    columns = {"rank": (0, *RANKS, FULL), "robust": (3, *robust, most), "lost": (most - 3, *lost, 0)}
    frame = pd.DataFrame(columns).assign(experiment="e", seed=seed, net=net, clean=1000, points=POINTS)
    return frame.assign(full=frame["rank"] == FULL)


def check(theory, convnet=None, contrasts=(), config=None):
    settings = {"training": {"data": {"dimension": FULL}}, "contrasts": list(contrasts)} | (config or {})
    convnet = rows(CLOSE, net="alexnet") if convnet is None else convnet
    return low_rank.CLAIM.check(
        {
            "low-rank": Evidence("low-rank", settings, 0.5, ranks=theory),
            "convnet": Evidence("convnet", {"training": {}}, 2.0, ranks=convnet),
        }
    )


def test_the_gap_is_paired():
    table = low_rank.behind(rows(FAR))
    assert list(table["rank"]) == [*RANKS, FULL] and list(table.value) == pytest.approx([0.06, 0.05, 0.04, 0.005, 0])
    lost, gained = 63 / 1002, 3 / 1002  # 62 + 1 and 2 + 1 of the first rank
    half = 1.959964 * np.sqrt((lost + gained - (lost - gained) ** 2) / 1002)
    assert (table.low[0], table.high[0]) == pytest.approx((lost - gained - half, lost - gained + half))
    assert (table.low.iloc[-1], table.high.iloc[-1]) == (0, 0)


def test_the_interval_covers_the_gap_of_correlated_nets():
    rng = np.random.default_rng(0)
    chances = [0.955, 0.02, 0.01, 0.015]  # both right, lost, gained, none
    covered = []
    for both, lost, gained, _ in rng.multinomial(400, chances, size=500):
        frame = pd.DataFrame({"rank": [0, 1, 8], "robust": [0, both + gained, both + lost], "lost": [0, lost, 0]})
        table = low_rank.behind(frame.assign(full=[False, False, True], points=400))
        covered.append(table.low[0] <= 0.01 <= table.high[0])
    assert 0.93 <= np.mean(covered) <= 0.985


def test_an_unknown_pairing_is_taken_at_its_worst():
    known = rows(CLOSE)
    for unknown in (known.drop(columns="lost"), known.assign(lost=np.nan)):
        table = low_rank.behind(unknown)
        np.testing.assert_allclose(table.value, low_rank.behind(known).value)
        # 15 points are wrong at rank 1: all of them may be right without the bound.
        worst = rows(CLOSE, gained=0).assign(lost=[0, 15, 17, 14, 12, 0])
        np.testing.assert_allclose(table, low_rank.behind(worst))


@pytest.mark.parametrize(
    ("gaps", "expected"),
    [([0, 0, 0, 0], 1), ([0.1, 0, 0, 0], 4), ([0, 0.021, 0, 0], 16), ([0.1, 0.1, 0.1, 0], 64), ([0.02, 0, 0, 0], 1)],
)
def test_every_larger_rank_must_do_as_well(gaps, expected):
    assert low_rank.sufficient(np.array([1, 4, 16, 64]), np.array(gaps)) == expected


def test_holds_when_a_small_rank_is_enough_in_both_kinds_of_nets():
    verdict = check(pd.concat([rows(CLOSE, seed=s) for s in (0, 1)]))
    theory, convnet = verdict.parts
    assert verdict.outcome == "holds" and verdict.experiment == "low-rank, convnet"
    assert [s.seed for s in theory.seeds] == [0, 1] and len(convnet.seeds) == 1
    assert (theory.measured, theory.bound) == (1 / 64, 0.25) and "64" in theory.quantity
    assert "theory: robust accuracy 0.3% before the update, 98.5% at rank 1, 99.0% unrestricted" in verdict.note
    assert "enough from rank 1 on" in verdict.note


def test_a_rank_of_a_quarter_that_loses_refutes():
    verdict = check(rows(FAR))
    assert verdict.outcome == "refuted" and verdict.binding.measured == 0.5
    assert check(rows(CLOSE), convnet=rows(FAR, net="alexnet")).outcome == "refuted"


def test_an_interval_that_straddles_the_two_points_is_inconclusive():
    verdict = check(rows((975, 975, 975, 975)))
    (seed,) = verdict.parts[0].seeds
    assert verdict.outcome == "inconclusive" and (seed.low, seed.value, seed.high) == (1 / 64, 1 / 64, 1.0)


def test_contrasts_are_told_but_not_judged():
    updates = [{"net": "theory", "seed": 0, "energy": {"1": 0.25, "32": 0.9}, "cosine": 0.9, "cosine_lowest": 0.999}]
    both = pd.concat([rows(CLOSE), rows(FAR, net="theory, m = 3 d")])
    verdict = check(both, contrasts=["theory, m = 3 d"], config={"updates": updates})
    assert verdict.outcome == "holds" and len(verdict.parts) == 2
    assert "theory, m = 3 d: robust accuracy 0.3% before the update, 93.0% at rank 1" in verdict.note
    assert "enough from rank 32 on" in verdict.note
    assert "The update of rank 1 points along Mw* (|cos| 0.999)" in verdict.note and "25% of its energy" in verdict.note

"""Claims of many parts err as seldom as claims of one: simulated, with the truth where it is hardest to tell."""

import math
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from purifyjax.stats import clopper_pearson, mean_interval
from theory_checks.claim import Claim
from theory_checks.evidence import Evidence
from theory_checks.quantities import effect, exact, shares
from theory_checks.verdict import CONFIDENCE, Measurement, SeedValue, together

PARTS, SEEDS, POINTS, BOUND, RUNS = 6, 2, 1000, 0.6, 400


def outcome_of(counts: np.ndarray) -> str:
    """The verdict on a claim of so many parts [part, seed], each a share of points that is to be ≥ BOUND."""

    def measure(evidence):
        seeds, points = pd.Series(range(SEEDS)), pd.Series([POINTS] * SEEDS)
        found = (shares(seeds, pd.Series(own), points) for own in counts)
        return tuple(Measurement(f"part {i}", ">=", BOUND, seeds) for i, seeds in enumerate(found))

    claim = Claim("c", "C", "S", "ours", "a miss", measure)
    return claim.check({"default": Evidence(SimpleNamespace(name="default"), {})}).outcome


def single_tests(counts: np.ndarray, tail: float) -> tuple[np.ndarray, np.ndarray]:
    """Exact one-sided binomial tests, written anew: which shares are shown to be at least, and below, the bound."""
    at_least = stats.binom.sf(counts - 1, POINTS, BOUND) <= tail
    below = stats.binom.cdf(counts, POINTS, BOUND) < tail
    return at_least, below


def test_a_true_claim_of_six_parts_is_hardly_ever_refuted():
    """In every part one seed is exactly at the bound, which satisfies it; the other is far below, and hides nothing."""
    rng = np.random.default_rng(1)
    truth = np.tile([BOUND, BOUND - 0.2], (PARTS, 1))
    found, single = [], []
    for counts in rng.binomial(POINTS, truth, (RUNS, PARTS, SEEDS)):
        found.append(outcome_of(counts) == "refuted")
        _, below = single_tests(counts, (1 - CONFIDENCE) / 2 / PARTS)
        assert found[-1] == below.all(axis=1).any()
        single.append(single_tests(counts, (1 - CONFIDENCE) / 2)[1].all(axis=1).any())
    assert np.mean(found) <= 0.05
    # Judged part by part by 95% intervals, such claims would be refuted at 1 − 0.975⁶ = 14%.
    assert np.mean(single) > 0.08


def test_a_false_claim_of_six_parts_is_hardly_ever_held():
    """One seed of one part is at the bound's wrong side, by nothing; all others are far on the right one."""
    rng = np.random.default_rng(2)
    truth = np.full((PARTS, SEEDS), BOUND + 0.2)
    truth[3, 1] = BOUND - 1e-9
    found = []
    for counts in rng.binomial(POINTS, truth, (RUNS, PARTS, SEEDS)):
        found.append(outcome_of(counts) == "holds")
        assert found[-1] == single_tests(counts, (1 - CONFIDENCE) / 2)[0].all()
    # Not by a correction, which the claim does not need: a single statement errs as often.
    assert 0.005 < np.mean(found) <= 0.05


def test_parts_share_the_chance_of_refuting():
    value = SeedValue.of(0, 0.5, partial(clopper_pearson, 50, 100))
    low, high = value.at(0.99)
    assert (value.low, value.high) == clopper_pearson(50, 100) == value.at(0.95)
    assert (low, high) == clopper_pearson(50, 100, 0.99)
    between = (value.high + high) / 2  # violated at 95%, not at 99%
    part = Measurement("share", ">=", between, (value,))
    assert part.outcome == "refuted"
    assert [p.outcome for p in together([part] * 5)] == ["inconclusive"] * 5
    assert together([part] * 5)[0].refuting_confidence == pytest.approx(0.99)
    # What cannot refute by chance takes no share: numbers that are known, and bounds from one side.
    known = exact("share", ">=", 0.5, [(0, 0.4)])
    one_sided = Measurement("certified", ">=", between, (value,), refutable=False)
    assert [p.outcome for p in together([part, known, one_sided])] == ["refuted", "refuted", "inconclusive"]
    assert [p.parts for p in together([known, one_sided])] == [1, 1]


def test_intervals_of_no_known_rule_widen_as_those_of_normal_estimates():
    value = SeedValue(0, 1.0, 1.0 - 0.2, 1.0 + 0.1)
    low, high = value.at(0.99)
    ratio = stats.norm.ppf(0.995) / stats.norm.ppf(0.975)
    assert low == pytest.approx(1 - 0.2 * ratio) and high == pytest.approx(1 + 0.1 * ratio)
    assert SeedValue(0, 1.0, 1.0, 1.0).at(0.999) == (1.0, 1.0)
    assert SeedValue(0, 1.0, -math.inf, math.inf).at(0.99) == (-math.inf, math.inf)


def test_effects_widen_too():
    values = np.random.default_rng(0).normal(1.0, 1.0, (4, 50))
    part = effect(values, [0, 1, 2, 3], "effect", "<=", 0.0)
    assert part.effect is not None and part.effect.value == pytest.approx(values.mean())
    low, high = part.effect.at(0.999)
    assert low < part.effect.low < part.effect.high < high
    assert part.seeds[0].at(0.9) == mean_interval(values[0], 0.9)
    (alone,) = together([part])
    assert alone.outcome == "refuted"
    bound = (low + part.effect.low) / 2
    between = effect(values, [0, 1, 2, 3], "effect", "<=", bound)
    assert between.outcome == "refuted" and together([between] * 50)[0].outcome == "inconclusive"

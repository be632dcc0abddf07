"""What few seeds prove, against the binomial distribution itself, and where it is said."""

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from theory_checks.passing import Passing, percent
from theory_checks.report.console import few_seeds, format_table
from theory_checks.report.html import write_html
from theory_checks.report.json_report import claim_record
from theory_checks.verdict import Measurement, SeedValue, Verdict, together


def part(*values, bound=0.5, half=0.01, seeds=None, **more):
    numbers = range(100, 100 + len(values)) if seeds is None else seeds
    found = tuple(SeedValue(s, v, v - half, v + half) for s, v in zip(numbers, values, strict=True))
    return Measurement("accuracy", ">=", bound, found, **more)


def verdict(*parts, **more):
    return Verdict("claim", "Title", "Statement", "Source", ("default",), parts, **more)


@pytest.mark.parametrize(("seeds", "rate"), [(1, 0.95), (4, 0.5271), (8, 0.3123), (59, 0.0495)])
def test_all_passing_bounds_the_rate_of_failures(seeds, rate):
    found = Passing(seeds, seeds, 0)
    assert 1 - found.at_least == pytest.approx(1 - 0.05 ** (1 / seeds)) == pytest.approx(rate, abs=1e-4)
    assert found.at_most == 1.0


@given(st.integers(1, 80).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_the_bounds_are_where_the_count_has_five_percent(count):
    seeds, passed = count
    found = Passing(seeds, passed, seeds - passed)
    if passed:
        assert stats.binom.sf(passed - 1, seeds, found.at_least) == pytest.approx(0.05)
    if passed < seeds:
        assert stats.binom.cdf(passed, seeds, found.at_most) == pytest.approx(0.05)
    assert found.at_least <= passed / seeds <= found.at_most


def test_a_seed_passes_that_passes_every_part():
    found = verdict(part(0.9, 0.9, 0.9, 0.5, 0.9), part(0.9, 0.1, 0.505, 0.9, 0.9)).passing
    # The second fails; the third and the fourth lie across a bound.
    assert found == Passing(5, 2, 1)
    assert Passing(5, 2, 1).in_words().startswith("2 of 5 seeds pass (2 undecided): fewer than ")
    # A seed that one of the experiments does not have is judged on no whole claim; averages have no seeds.
    assert verdict(part(0.9, 0.9), part(0.9, seeds=[101])).passing == Passing(1, 1, 0)
    average = part(0.1, 0.9, effect=SeedValue(None, 0.5, 0.4, 0.6))
    assert verdict(average).passing is None and verdict(part(0.9, seeds=[None])).passing is None
    assert verdict(average, part(0.9, 0.9)).passing == Passing(2, 2, 0)
    assert verdict(part(0.9, 0.9), diverged=1).passing == Passing(3, 2, 1)


def test_it_is_said_in_one_sentence():
    assert Passing(4, 4, 0).in_words() == "All 4 seeds pass: fewer than 52.8% of all seeds fail (95% confidence)."
    assert Passing(1, 1, 0).in_words() == "The one seed passes: fewer than 95% of all seeds fail (95% confidence)."
    assert Passing(4, 0, 4).in_words() == "0 of 4 seeds pass: fewer than 52.8% of all seeds do (95% confidence)."
    assert Passing(4, 0, 0).in_words() == "0 of 4 seeds pass (4 undecided)."


@given(st.floats(0, 1))
def test_bounds_are_rounded_up(share):
    assert share - 1e-9 <= float(percent(share)[:-1]) / 100 < share + 0.001


def test_every_format_says_it(tmp_path):
    four, eight, fails = verdict(part(*[0.9] * 4)), verdict(part(*[0.9] * 8)), verdict(part(0.9, 0.1))
    assert few_seeds([four, eight, four, fails]) == (
        "Where all seeds pass, the share of all seeds that fail is below 52.8% (4 seeds), 31.3% (8 seeds), "
        "at 95% confidence."
    )
    assert few_seeds([fails]) == "" and "Where all" not in format_table([fails])
    lines = format_table([four, eight])
    assert lines.count("Where all seeds pass") == 1
    record = claim_record(fails)["passing"]
    assert json.loads(json.dumps(record)) == {
        "seeds": 2,
        "passed": 1,
        "failed": 1,
        "share_at_least": pytest.approx(1 - math.sqrt(0.95)),
        "share_at_most": pytest.approx(math.sqrt(0.95)),
        "claimed_share": None,
    }
    shown = {"profile": "p", "config": {}, "environments": [], "command": "run"}
    write_html(tmp_path / "page.html", [four, verdict(part(0.9, seeds=[None]))], {}, **shown)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert len(re.findall(r"of all seeds fail \(95% confidence\)", page)) == 1


@pytest.mark.parametrize(
    ("seeds", "passed", "failed", "outcome"),
    [
        (59, 59, 0, "holds"),
        (58, 58, 0, "inconclusive"),  # too few
        (59, 58, 1, "inconclusive"),
        (59, 58, 0, "inconclusive"),  # an undecided seed does not pass
        (93, 92, 1, "holds"),
        (59, 52, 7, "refuted"),
        (59, 52, 6, "inconclusive"),  # nor does it fail
        (59, 0, 0, "inconclusive"),
    ],
)
def test_a_claim_about_a_share_of_seeds(seeds, passed, failed, outcome):
    assert Passing(seeds, passed, failed).outcome(0.95) == outcome
    values = [0.9] * passed + [0.1] * failed + [0.5] * (seeds - passed - failed)
    (own,) = together([part(*values)], 0.95)
    assert own.outcome == verdict(own, share=0.95).outcome == outcome
    assert verdict(own, share=0.95, reachable=False).outcome == outcome.replace("refuted", "inconclusive")


def test_a_seed_has_to_pass_all_parts_of_a_claim_about_a_share():
    first, second = ([0.9] * 60 for _ in range(2))
    first[0], second[1] = 0.1, 0.1
    parts = together([part(*first), part(*second)], 0.9)
    assert [p.outcome for p in parts] == ["holds", "holds"]
    found = verdict(*parts, share=0.9)
    assert found.passing == Passing(60, 58, 2) and Passing(60, 58, 2).at_least < 0.9 and found.outcome == "inconclusive"
    # One that diverged fails, and a number of no seed is judged as ever.
    assert verdict(*together([part(*[0.9] * 59)], 0.95), share=0.95, diverged=1).outcome == "inconclusive"
    missed = part(0.1, seeds=[None])
    assert verdict(*together([part(*[0.9] * 59), missed], 0.95), share=0.95).outcome == "refuted"
    assert verdict(*together([], 0.95), share=0.95).outcome == "inconclusive"


def test_a_share_of_seeds_is_said(tmp_path):
    found = verdict(*together([part(*[0.9] * 59)], 0.95), share=0.95)
    assert found.passing is not None
    assert found.passing.in_words(0.95) == (
        "All 59 seeds pass: at least 95.0% and at most 100.0% of all seeds do (95% confidence each); "
        "the claim is about at least 95% of them."
    )
    assert few_seeds([found]) == "A claim holds here if at least 95% of all seeds pass, at 95% confidence."
    assert claim_record(found)["passing"]["claimed_share"] == 0.95
    shown = {"profile": "p", "config": {}, "environments": [], "command": "run"}
    write_html(tmp_path / "page.html", [found], {}, **shown)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "the claim is about at least 95%" in page and page.count("<circle") == 59 and ">seed 100<" not in page

"""Claims are judged as soon as their experiments are done, the cheapest first."""

from dataclasses import replace

import numpy as np

from tests.theory_checks.tiny import CLAIMS, PAPER, Dear, Walks
from theory_checks.runner import Runner
from theory_checks.session import Session, cheapest_first

EXPERIMENTS = {"dear": Dear(name="dear", seeds=1), "walks": Walks(name="walks", seeds=2)}
STATED = [(PAPER, claim) for claim in CLAIMS]


def test_the_cheapest_claims_come_first():
    assert cheapest_first(STATED[::-1], EXPERIMENTS) == ["walks", "dear"]


def test_only_what_a_claim_looks_at_is_run():
    assert cheapest_first(STATED[:1], EXPERIMENTS) == ["walks"]


def test_experiments_are_run_once_and_told_in_their_order(tmp_path, monkeypatch):
    monkeypatch.setenv("TINY_LOG", str(tmp_path / "log"))
    session = Session(EXPERIMENTS, Runner(tmp_path, np.arange(2)))
    batches = [[verdict.id for verdict in batch] for batch in session.verdicts(STATED)]
    # Side by side: whichever is done first, and both at once if both are.
    assert sorted(sum(batches, [])) == ["late", "walks-apart", "walks-end", "walks-stay"]
    assert list(session.evidences) == ["dear", "walks"]
    assert (tmp_path / "log").read_text().count("walks measure") == 1


def test_a_number_of_all_seeds_has_no_seed(tmp_path):
    session = Session(EXPERIMENTS, Runner(tmp_path, np.arange(2)))
    found = session.verdict(PAPER, CLAIMS[2])
    assert found.seeds == () and found.parts[0].seeds[0].seed is None and found.outcome == "holds"
    assert found.paper == "tiny" and found.figures == ("walks-ends",) and found.refuted_by == "walks-apart missed"


def test_a_profile_says_which_share_of_seeds_has_to_pass(tmp_path):
    paper = replace(PAPER, shares={"many": 0.2})
    for profile, share in (("tiny", None), ("many", 0.2)):
        session = Session(EXPERIMENTS, Runner(tmp_path, np.arange(2)), profile)
        found = session.verdict(paper, CLAIMS[0])
        assert found.share == share and found.outcome == "holds"
        assert session.verdict(paper, CLAIMS[2]).outcome == "holds"  # a number of all seeds is judged as ever
    # Two seeds that pass show a share of 22%, and no more.
    session = Session(EXPERIMENTS, Runner(tmp_path, np.arange(2)), "many")
    assert session.verdict(replace(PAPER, shares={"many": 0.23}), CLAIMS[0]).outcome == "inconclusive"

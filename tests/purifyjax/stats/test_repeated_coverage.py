"""Repeated intervals cover at all looks at once: exact sums over all paths, and simulated stops of every malice."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from purifyjax.stats import clopper_pearson
from purifyjax.stats.sequential import RepeatedIntervals

SMALL = RepeatedIntervals((16, 32, 64))
LARGE = RepeatedIntervals.doubling(2048, 64)
SHARES = np.array([0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97, 0.99, 0.997, 0.999])
PATHS = 20_000
ERROR = math.sqrt(0.95 * 0.05 / PATHS)  # of a coverage of 95% that is estimated from as many paths: 0.15%


# Exact


def covered_at_all_looks(looks, errors, p):
    """Pr[no look excludes p], summed over counts: a look excludes p where a tail of the binomial is below error/2."""
    p = np.atleast_1d(p)
    alive, before = np.ones((1, len(p))), 0  # Pr[count, and not excluded so far]: count × p
    for look, error in zip(looks, errors, strict=True):
        after, block = np.zeros((look + 1, len(p))), look - before
        for more, chance in enumerate(stats.binom.pmf(np.arange(block + 1)[:, None], block, p)):
            after[more : more + before + 1] += chance * alive
        counts = np.arange(look + 1)[:, None]
        tails = np.minimum(stats.binom.sf(counts - 1, look, p), stats.binom.cdf(counts, look, p))
        alive, before = np.where(tails < error / 2, 0, after), look
    return alive.sum(axis=0)


def test_sum_over_counts_agrees_with_all_paths():
    """Two points, then three, then one: 64 paths, each with its own probability."""
    plan, p = RepeatedIntervals((2, 5, 6), 0.5), 0.23
    paths = (np.arange(64)[:, None] >> np.arange(6)) & 1
    counts = paths.cumsum(axis=1)[:, np.array(plan.looks) - 1]
    for confidence in (0.3, 0.6, 0.8, 0.95):
        low, high = plan.interval(counts, plan.looks, confidence)
        covered = ((low <= p) & (p <= high)).all(axis=1)
        chance = (p**paths * (1 - p) ** (1 - paths)).prod(axis=1)
        exact = covered_at_all_looks(plan.looks, (1 - confidence) * np.array(plan.shares), p)
        assert chance[covered].sum() == pytest.approx(exact.item(), abs=1e-12)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 1 - 0.05 / 8])
def test_all_looks_cover_every_share_exactly(confidence):
    """Also just beyond the ends of the intervals, between which the coverage is least."""
    ends = np.concatenate([SMALL.interval(np.arange(n + 1), n, confidence) for n in SMALL.looks], axis=1).ravel()
    beyond = np.concatenate([ends - 1e-9, ends + 1e-9])
    shares = np.concatenate([np.linspace(0.001, 0.999, 200), beyond[(beyond > 0) & (beyond < 1)]])
    errors = (1 - confidence) * np.array(SMALL.shares)
    assert covered_at_all_looks(SMALL.looks, errors, shares).min() >= confidence
    # The whole error at every look is too much.
    naive = covered_at_all_looks(SMALL.looks, np.full(3, 1 - confidence), shares)
    assert naive.min() < 1 - 1.4 * (1 - confidence)


# Simulated


@pytest.fixture(scope="module")
def counts():
    """Of every path at every look of LARGE: share × path × look."""
    blocks = np.diff(LARGE.looks, prepend=0)
    draws = np.random.default_rng(0).binomial(blocks, SHARES[:, None, None], (len(SHARES), PATHS, len(blocks)))
    return draws.cumsum(axis=2)


@pytest.fixture(scope="module", params=["repeated", "naive"])
def looks(request, counts):
    """Which intervals are looked at, the shares of the error they spend, and their ends: share × path × look."""
    naive = request.param == "naive"
    interval = clopper_pearson if naive else LARGE.interval
    tables = [interval(np.arange(n + 1), n) for n in LARGE.looks]
    low, high = (np.stack([t[end][counts[..., i]] for i, t in enumerate(tables)], axis=-1) for end in (0, 1))
    return naive, np.ones(len(LARGE.looks)) if naive else np.array(LARGE.shares), low, high


def test_all_looks_cover_the_share_of_simulated_paths(looks):
    """Who stops as soon as the truth is excluded finds out whether any look excludes it."""
    naive, spent, low, high = looks
    p = SHARES[:, None, None]
    covered = ((low <= p) & (p <= high)).all(axis=2).mean(axis=1)
    exact = covered_at_all_looks(LARGE.looks, 0.05 * spent, SHARES)
    assert np.abs(covered - exact).max() < 4 * np.sqrt(exact * (1 - exact) / PATHS).max()
    if naive:
        assert (covered[(SHARES > 0.02) & (SHARES < 0.98)] < 0.9).all() and covered.min() < 0.85
    else:
        assert (covered >= 0.95 - 3 * ERROR).all() and (exact >= 0.95).all()


@pytest.mark.parametrize("offset", [-0.03, -0.01, 0.0, 0.01, 0.03])
def test_the_interval_covers_where_a_bound_near_the_truth_is_cleared(looks, offset):
    """A measurement stops once its bound is cleared, and says with at most 2.5% that it lies on the wrong side."""
    naive, _, low, high = looks
    p = SHARES[:, None]
    bound = np.clip(p + offset, 0, 1)
    clear = (bound[..., None] < low) | (bound[..., None] > high)
    stop = np.where(clear.any(axis=2), clear.argmax(axis=2), len(LARGE.looks) - 1)[..., None]
    low, high = (np.take_along_axis(end, stop, axis=2)[..., 0] for end in (low, high))
    covered = ((low <= p) & (p <= high)).mean(axis=1)
    wrong = np.maximum(((low > bound) & (p <= bound)).mean(axis=1), ((high < bound) & (p >= bound)).mean(axis=1))
    if not naive:
        assert (covered >= 0.95 - 3 * ERROR).all()
        assert (wrong <= 0.025 + 3 * math.sqrt(0.025 * 0.975 / PATHS)).all()
    elif offset == 0:
        assert covered.min() < 0.85 and wrong.max() > 0.05


def test_decided_says_when_the_interval_clears_all_bounds(looks, counts):
    naive, _, low, high = looks
    bounds = (0.02, 0.5, 0.95)
    clear = np.all([(low > bound) | (high < bound) for bound in bounds], axis=0)[:, :200]
    agree = LARGE.decided(counts[:, :200], LARGE.looks, bounds) == clear
    assert agree.all() != naive and 0.2 < clear.mean() < 0.9


def test_shares_far_from_the_bound_are_decided_at_once(counts):
    """What the looks are for: at 64 points of 2048."""
    first = counts[SHARES.tolist().index(0.97), :1000, 0]
    assert LARGE.decided(first, 64, (0.6,), 1 - 0.05 / 8).mean() > 0.99

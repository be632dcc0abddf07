"""PGD's starts and what it keeps, and one program for all equal records of every kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.attacks import (
    APGD,
    FGM,
    PGD,
    Along,
    Attack,
    BetweenClasses,
    Noise,
    Square,
    TowardsClasses,
    Transferred,
    distant_start,
    worst_case,
)
from purifyjax.balls import Ball, Norm
from purifyjax.errors import ConfigError
from purifyjax.margins import FixedMargin, class_margin, descent

SEEDS, POINTS, DIM, CLASSES = 2, 12, 6, 3
KEY = jax.random.key(0)
NORMS: tuple[Norm, ...] = ("l1", "l2", "linf")
SURFACE = 1 + 1e-5
all_norms = pytest.mark.parametrize("norm", NORMS)
all_starts = pytest.mark.parametrize("start", ["fgm", "random", "distant"])


def class_net(params):
    """Class margin of a small net."""
    first, second = params
    return lambda x, y: class_margin(jnp.tanh(x @ first) @ second, y)


def weights(seed: int):
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(size=shape).astype(np.float32) for shape in ((DIM, 8), (8, CLASSES)))


def features():
    return np.eye(DIM, dtype=np.float32)[:CLASSES]


def class_case():
    """Nets of two seeds with points that they get right."""
    params = tuple(jnp.stack(leaves) for leaves in zip(*map(weights, range(SEEDS)), strict=True))
    x = jax.random.normal(jax.random.key(1), (SEEDS, POINTS, DIM))
    logits = jax.vmap(lambda p, x: jnp.tanh(x @ p[0]) @ p[1])(params, x)
    return params, x, jnp.argmax(logits, axis=-1)


def one_case():
    return jax.tree.map(lambda leaf: leaf[0], class_case())


# Where it starts, and what it keeps


def start_of(record: PGD, key, margin, x, y, ball):
    """Where the first descent of a record begins."""
    if record.start == "fgm":
        return ball.steepest(descent(margin, x, y))
    key = key if record.keep == "last" else jax.random.split(key, record.restarts)[0]
    inside = ball.interior(key, x.shape)
    if record.start == "random":
        return inside
    even = (jnp.arange(len(x)) % 2 == 0)[:, None]
    return jnp.where(even, distant_start(key, margin, x, y, ball), inside)


@cache
def struck(record: PGD):
    """jit of a record: what it finds, where it starts, and the margin there."""

    def run(key, params, x, y, ball):
        margin = class_net(params)
        start = start_of(record, key, margin, x, y, ball)
        return record(key, margin, x, y, ball), start, margin(x + start, y)

    return jax.jit(run)


@all_norms
@all_starts
@pytest.mark.parametrize("keep,restarts", [("best", 1), ("best", 3), ("last", 1)])
def test_it_stays_in_the_ball_and_the_best_is_never_weaker_than_its_start(keep, restarts, start, norm):
    params, x, y = one_case()
    lower, record = 0, PGD(4, restarts, start=start, keep=keep)
    for radius in (0.0, 0.2, 1.0, 5.0):
        ball = Ball(radius, norm)
        found, begin, margin = struck(record)(KEY, params, x, y, ball)
        assert (ball.size(begin) <= radius * SURFACE).all()
        assert (ball.size(found.perturbation) <= radius * SURFACE).all()
        np.testing.assert_allclose(found.margin, class_net(params)(x + found.perturbation, y), rtol=1e-4, atol=1e-5)
        if keep == "best":
            assert (found.margin <= margin + 1e-5).all()
        lower += int(jnp.sum(found.margin < margin - 1e-3))
    assert lower > 6  # it does not stay where it starts


@all_norms
@all_starts
def test_the_best_is_never_weaker_than_the_last(start, norm):
    """With restarts: than the last of every single descent, which begins at the same point."""
    params, x, y = one_case()
    ball = Ball(0.5, norm)

    def struck_by(restarts, keep, key=KEY):
        return struck(PGD(4, restarts, start=start, keep=keep))(key, params, x, y, ball)

    def margins(restarts, keep):
        return struck_by(restarts, keep)[0].margin

    if start == "fgm":
        assert (margins(1, "best") <= margins(1, "last") + 1e-5).all()
        assert (margins(3, "best") <= margins(1, "best") + 1e-5).all()
    else:
        alone = [struck_by(1, "last", key) for key in jax.random.split(KEY, 3)]
        last = np.array([found.margin for found, _, _ in alone])
        assert (margins(3, "best") <= last.min(axis=0) + 1e-5).all()
        # The descents begin apart at most points (ℓ1 has few vertices), and somewhere they end apart.
        starts = np.array([begin for _, begin, _ in alone])
        assert (np.abs(np.diff(starts, axis=0)).max(axis=-1) > 1e-3).mean() > 0.75
        assert (np.ptp(last, axis=0) > 1e-3).any()


@all_starts
def test_training_takes_steps_of_twice_the_radius_and_keeps_the_last(start):
    """In float64, whatever it costs."""
    params, x, y = one_case()
    margin, ball, record = class_net(params), Ball(0.7), PGD.for_training(3, start=start)
    assert record == PGD(3, step_fraction=2.0, start=start, keep="last")
    delta = np.asarray(start_of(record, KEY, margin, x, y, ball), np.float64)
    for _ in range(3):
        slope = np.asarray(descent(margin, x + jnp.asarray(delta, jnp.float32), y), np.float64)
        delta = delta + (2 / 3) * 0.7 * slope / np.linalg.norm(slope, axis=1, keepdims=True)
        delta *= np.minimum(1.0, 0.7 / np.linalg.norm(delta, axis=1, keepdims=True))
    np.testing.assert_allclose(record.perturb(KEY, margin, x, y, ball), delta, rtol=1e-4, atol=1e-5)


def test_training_starts_at_random_unless_told():
    assert PGD.for_training(7) == PGD.for_training(7, "random")
    params, x, y = one_case()
    one, other = (PGD.for_training(1).perturb(jax.random.key(k), class_net(params), x, y, Ball(0.5)) for k in (0, 1))
    assert bool((one != other).any())


@pytest.mark.parametrize(
    "make,words",
    [
        (lambda: PGD(step_fraction=float("nan")), "step_fraction of PGD = nan .*more than 0"),
        (lambda: replace(PGD(), steps=-1), "steps of PGD = -1 .*at least 1"),
        (lambda: Square(share=1.5), r"share of the square attack = 1.5 .*in \(0, 1\]"),
    ],
)
def test_settings_that_are_no_numbers_or_too_large_are_refused(make, words):
    with pytest.raises(ConfigError, match=words):
        make()


# One program for equal records

MAKERS: dict[str, Callable[..., Attack]] = {
    "fgm": FGM,
    "pgd": lambda **name: PGD(4, 2, **name),
    "training": lambda **name: replace(PGD.for_training(3, start="distant"), **name),
    "apgd": lambda **name: APGD(steps=4, restarts=2, **name),
    "noise": Noise,
    "along": lambda **name: Along(np.arange(1.0, DIM + 1), **name),
    "between": lambda **name: BetweenClasses(features(), **name),
    "towards": lambda **name: TowardsClasses(features(), steps=2, **name),
    "square": lambda **name: Square(queries=7, **name),
    "transferred": lambda **name: Transferred(FixedMargin(class_net, weights(5)), APGD(steps=3), **name),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_equal_records_share_one_program(make):
    """Made anew, with arrays of their own, whatever they are called, at every radius; another setting does not."""
    params, x, y = class_case()
    traces, own = 0, repr(make)

    def counted(params, of=own):  # not the function of another test
        nonlocal traces
        traces += 1
        return class_net(params)

    def strike(radius, *attacks):
        return worst_case(KEY, counted, params, x, y, Ball(radius), attacks)

    first = strike(0.3, make())
    once = traces
    assert once > 2  # two are for the checks at the start
    same = strike(0.3, make(name="mine"))
    np.testing.assert_array_equal(first.margin, same.margin)
    strike(0.6, make())
    strike(0.3, make(name="one"), make(name="other"))
    assert traces == once
    strike(0.3, APGD(steps=2))
    assert traces > once

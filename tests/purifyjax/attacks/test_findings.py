"""What the checks of a worst case find, one row a seed, and in words for all seeds together."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.attacks import FGM, PGD, Along, Attack, Attacked, Finding, Noise, in_words, worst_case
from purifyjax.balls import Ball

SEEDS, POINTS, DIM = 4, 30, 5
KEYS = jax.random.split(jax.random.key(0), SEEDS)
RADIUS = 0.3
BEHAVIOURS = jnp.arange(SEEDS)


def behaved(params):
    """A plane: seed 0 honest, 1 a staircase, 2 with a tiny slope in the wrong direction, 3 flat at some points."""
    behaviour = params["behaviour"]

    def margin(x, y):
        plane = y * jnp.sum(x, axis=-1)
        stairs = jnp.round(4.0 * plane) / 4.0
        options = (plane, stairs, stairs - 1e-3 * plane, jnp.where(x[:, 0] > 1.0, 2.0, plane))
        return jnp.select([behaviour == i for i in range(SEEDS)], options)

    return margin


def points():
    x = jnp.asarray(np.random.default_rng(1).normal(size=(SEEDS, POINTS, DIM)), jnp.float32)
    return x, jnp.sign(jnp.sum(x, axis=-1))


@dataclass(frozen=True)
class Leap(Attack):
    """FGM, at every third point a share farther than allowed, on the seeds that get anywhere."""

    excess: float = 0.5

    def __call__(self, key, margin, x, y, ball):
        far = jnp.where(jnp.arange(len(x)) % 3 == 0, 1.0 + self.excess, 1.0)
        delta = FGM().perturb(key, margin, x, y, ball) * far[:, None]
        return Attacked(delta, margin(x + delta, y))


SUITE = (FGM(), Along(np.ones(DIM, np.float32)), PGD(steps=4), Leap(), Leap(0.1, name="hop"))


def strike(seeds, suite=SUITE, margin_of=behaved):
    """The worst case of some of the seeds."""
    rows = np.array(seeds)
    x, y = points()
    params = {"behaviour": BEHAVIOURS[rows]}
    return worst_case(KEYS[rows], margin_of, params, x[rows], y[rows], Ball(RADIUS), suite)


def sentences(found, suite=SUITE) -> list[str]:
    """The warnings about masked gradients from the arrays alone, all seeds together."""
    words, gradient = [], []
    for index, attack in enumerate(suite):
        count = int((found.broken_by == index).sum())
        if attack.uses_gradients:
            gradient.append(attack.name)
        elif gradient and count:
            told = f"{count} points that {', '.join(gradient)} left standing: gradients may be masked"
            words.append(f"{attack.name} uses no gradient and broke {told}")
    return words


# One row a seed


def test_findings_are_those_of_every_seed_alone():
    together = strike(range(SEEDS))
    apart = []
    for s in range(SEEDS):
        alone = strike([s])
        np.testing.assert_array_equal(alone.broken_by[0], together.broken_by[s])
        assert {row.seed for row in alone.findings} == {0}
        apart += [row._replace(seed=s) for row in alone.findings]
    assert sorted(apart) == sorted(together.findings)
    assert in_words(apart) == list(together.warnings)
    assert in_words(reversed(apart)) == list(together.warnings)
    # There is something to find of every kind but randomness.
    assert {row.kind for row in together.findings} == {"flat", "masked", "outside"}


def test_no_seed_has_two_rows_about_one_thing():
    found = strike(range(SEEDS)).findings
    assert len({(row.seed, row.kind, row.attack) for row in found}) == len(found)
    assert all(0 <= row.count <= row.of for row in found)


def test_rows_count_the_points_of_their_seed():
    found = strike(range(SEEDS))
    right = np.asarray(jax.vmap(lambda b, x, y: behaved({"behaviour": b})(x, y))(BEHAVIOURS, *points())) > 0
    x = np.asarray(points()[0])
    flat = {row.seed: row for row in found.findings if row.kind == "flat"}
    assert list(flat) == list(range(SEEDS))  # seeds without any too: the share is that of all seeds
    np.testing.assert_array_equal([flat[s].of for s in range(SEEDS)], right.sum(axis=1))
    expected = [0, right[1].sum(), 0, (right[3] & (x[3, :, 0] > 1.0)).sum()]
    np.testing.assert_array_equal([flat[s].count for s in range(SEEDS)], expected)

    masked = {row.seed: row for row in found.findings if row.kind == "masked"}
    broken = (found.broken_by == 1).sum(axis=1)
    assert {s: row.count for s, row in masked.items()} == {s: n for s, n in enumerate(broken) if n}
    assert 1 in masked and 2 in masked
    for row in masked.values():
        assert row[1:3] == ("masked", "universal") and row.of == POINTS and (row.place, row.against) == (1, "fgm")

    outside = [row for row in found.findings if row.kind == "outside"]
    for row in outside:
        np.testing.assert_allclose(row.worst, {"leap": 0.5, "hop": 0.1}[row.attack], rtol=1e-4)
        assert row.place == {"leap": 3, "hop": 4}[row.attack] and row.of == POINTS
    assert {row.seed for row in outside if row.attack == "leap"} == {0, 2, 3}  # a step of length zero leaves no ball


def test_nothing_is_found_of_an_honest_margin_and_nothing_without_attacks():
    honest = strike([0, 0], (FGM(), Along(np.ones(DIM, np.float32))))
    assert honest.warnings == ()
    assert [row[:4] for row in honest.findings] == [(0, "flat", "", 0), (1, "flat", "", 0)]
    assert strike(range(SEEDS), ()).findings == ()


def test_randomness_is_a_row_of_the_seed_that_has_it():
    """Seed 1 is another margin at every trace."""
    rng = np.random.default_rng(3)

    def unsteady(params):
        shift = rng.normal()
        return lambda x, y: behaved({"behaviour": 0})(x, y) + jnp.where(params["behaviour"] == 1, shift, 0.0)

    found = strike(range(SEEDS), (Noise(),), unsteady)
    (row,) = [row for row in found.findings if row.kind == "random"]
    assert (row.seed, row.attack, row.count, row.of) == (1, "", POINTS, POINTS)
    assert found.warnings[0] == (
        f"the margin is not deterministic: a second evaluation differs by up to {row.worst:.2g}; "
        "average it over fixed draws"
    )


# In words


def test_warnings_are_the_sentences_of_all_seeds_together():
    found = strike(range(SEEDS))
    flat = [row for row in found.findings if row.kind == "flat"]
    share = sum(row.count for row in flat) / sum(row.of for row in flat)
    assert 0.01 < share < 1
    blind = f"the gradient is exactly zero at {share:.1%} of the points: gradient attacks start blind there"
    far = [
        (name, sum(row.count for row in found.findings if (row.kind, row.attack) == ("outside", name)), worst)
        for name, worst in (("leap", 0.5), ("hop", 0.1))
    ]
    left = [f"{n} left the ball at {c} points, which do not count: worst ‖δ‖/τ − 1 = {w:.2g}" for n, c, w in far]
    masked = sentences(found)
    assert len(masked) == 1 and all(count > 0 for _, count, _ in far)
    assert found.warnings == (blind, *masked, *left)


def test_words_by_hand():
    """Counts add up over seeds, the worst is the worst of all; first the margin, then the attacks in their order."""
    rows = [
        Finding(1, "outside", "leap", 2, 10, 0.5, 3),
        Finding(0, "masked", "square", 3, 10, 0.0, 2, "fgm, apgd"),
        Finding(2, "masked", "square", 4, 10, 0.0, 2, "fgm, apgd"),
        Finding(0, "masked", "noise", 1, 10, 0.0, 1, "fgm"),
        Finding(0, "outside", "leap", 5, 10, float("inf"), 3),
        Finding(2, "outside", "fgm", 1, 10, 2e-5, 0),
        Finding(0, "flat", "", 2, 10, 0.0),
        Finding(1, "flat", "", 0, 30, 0.0),
        Finding(2, "random", "", 1, 10, 0.25),
        Finding(0, "random", "", 9, 10, 0.125),
    ]
    expected = [
        "the margin is not deterministic: a second evaluation differs by up to 0.25; average it over fixed draws",
        "the gradient is exactly zero at 5.0% of the points: gradient attacks start blind there",
        "noise uses no gradient and broke 1 points that fgm left standing: gradients may be masked",
        "square uses no gradient and broke 7 points that fgm, apgd left standing: gradients may be masked",
        "fgm left the ball at 1 points, which do not count: worst ‖δ‖/τ − 1 = 2e-05",
        "leap left the ball at 7 points, which do not count: worst ‖δ‖/τ − 1 = inf",
    ]
    assert in_words(rows) == expected
    assert in_words(iter(rows[::-1])) == expected
    assert in_words([]) == []


@pytest.mark.parametrize("count,of,told", [(0, 0, False), (1, 100, False), (2, 100, True), (0, 50, False)])
def test_few_points_without_a_gradient_are_no_warning(count, of, told):
    """1% at most, of all seeds together, however many one seed has."""
    assert bool(in_words([Finding(0, "flat", "", count, of, 0.0)])) == told
    assert in_words([Finding(0, "flat", "", 5, 5, 0.0), Finding(1, "flat", "", 0, 495, 0.0)]) == []

"""The worst case over attacks against each attack run on its own, and against attacks that cheat."""

from __future__ import annotations

from functools import cache, partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from purifyjax.attacks import FGM, PGD, Along, Attacked, Noise, Square, WorstCase, fgm, worst_case
from purifyjax.balls import Ball
from purifyjax.models import SymmetricReLU, margin
from tests.purifyjax.attacks.given import Given

SEEDS, POINTS, DIM, NEURONS = 3, 23, 5, 6
MODEL = SymmetricReLU(NEURONS, precision=jax.lax.Precision.HIGHEST)
KEY = jax.random.key(0)
RADIUS = 0.35


def margin_of(params):
    return partial(margin, MODEL, params)


DETERMINISTIC = (Along(jnp.ones(DIM)), FGM(), PGD(steps=5))


@pytest.fixture(scope="module")
def nets():
    """Random nets whose own predictions, one in eight flipped, are the labels."""
    rng = np.random.default_rng(0)
    weight, threshold = rng.normal(size=(SEEDS, NEURONS, DIM)), rng.uniform(-0.2, 0.8, (SEEDS, NEURONS))
    params = {"weight": jnp.asarray(weight, jnp.float32), "threshold": jnp.asarray(threshold, jnp.float32)}
    x = jnp.asarray(rng.normal(size=(SEEDS, POINTS, DIM)), jnp.float32)
    y = jnp.sign(jax.vmap(lambda p, x: margin_of(p)(x, jnp.ones(POINTS)))(params, x))
    return params, x, jnp.where(jnp.asarray(rng.random((SEEDS, POINTS)) < 1 / 8), -y, y)


def strike(nets, ball: Ball, attacks, **options) -> WorstCase:
    params, x, y = nets
    return worst_case(KEY, margin_of, params, x, y, ball, attacks, **options)


def clean(nets) -> np.ndarray:
    return np.asarray(jax.vmap(lambda p, x, y: margin_of(p)(x, y))(*nets))


def alone(attack, nets, ball) -> np.ndarray:
    """Margins of one attack on every point of every seed, without the machinery."""
    return np.asarray(_alone(attack)(*nets, ball))


@cache
def _alone(attack):
    one = jax.vmap(lambda p, x, y, ball: attack(KEY, margin_of(p), x, y, ball).margin, (0, 0, 0, None))
    return jax.jit(one)


@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_equals_the_minimum_over_the_attacks_run_separately(nets, norm):
    ball = Ball({"l1": 2.0, "l2": 1.0, "linf": 0.5}[norm] * RADIUS, norm)
    found = strike(nets, ball, DETERMINISTIC, chunk=8)
    margins = np.stack([alone(attack, nets, ball) for attack in DETERMINISTIC])
    right = clean(nets) > 0
    np.testing.assert_array_equal(found.standing, right & (margins > 0).all(axis=0))
    first = np.where((margins <= 0).any(axis=0), (margins <= 0).argmax(axis=0), -1)
    np.testing.assert_array_equal(found.broken_by, np.where(right, first, -1))
    assert len(np.unique(found.broken_by)) >= 3  # otherwise this shows little
    lowest = np.minimum(clean(nets), margins.min(axis=0))
    np.testing.assert_allclose(found.margin[found.standing], lowest[found.standing], atol=1e-5)
    # Later attacks do not see a point that is broken: its margin is that of the attack that broke it.
    broken = found.broken_by >= 0
    by = np.take_along_axis(margins, np.maximum(first, 0)[None], axis=0)[0]
    np.testing.assert_allclose(found.margin[broken], by[broken], atol=1e-5)
    np.testing.assert_allclose(found.margin[~right], clean(nets)[~right], atol=1e-6)


def test_without_attacks_the_clean_margin_decides(nets):
    found = strike(nets, Ball(RADIUS), ())
    np.testing.assert_allclose(found.margin, clean(nets), atol=1e-6)
    np.testing.assert_array_equal(found.standing, clean(nets) > 0)
    assert (found.broken_by == -1).all()
    assert 0 < found.standing.mean() < 1


def test_linear_nets_stand_exactly_where_theory_says(nets):
    """Zero thresholds: f(x) = ⟨Σ w_i, x⟩, so a point stands iff y f(x) > τ‖Σ w_i‖."""
    params, x, y = nets
    params = params | {"threshold": jnp.zeros((SEEDS, NEURONS))}
    total = np.asarray(params["weight"]).sum(axis=1)
    exact = np.asarray(y) * np.einsum("snd,sd->sn", np.asarray(x), total)
    share = []
    for radius in (0.0, 0.1, 0.2, 0.4, 0.8):
        found = worst_case(KEY, margin_of, params, x, y, Ball(radius), DETERMINISTIC)
        lowest = exact - radius * np.linalg.norm(total, axis=1)[:, None]
        np.testing.assert_array_equal(found.standing, lowest > 0)
        np.testing.assert_allclose(found.margin[found.standing], lowest[found.standing], atol=1e-4)
        share.append(found.standing.mean())
    assert share[0] > share[2] > share[4]


def test_robust_accuracy_does_not_rise_with_the_radius(nets):
    standing, before = clean(nets) > 0, 1.0
    for radius in (0.05, 0.2, 0.4, 0.8, 1.6):
        fresh = strike(nets, Ball(radius), DETERMINISTIC)
        found = strike(nets, Ball(radius), DETERMINISTIC, standing=standing)
        assert fresh.standing.mean() <= before
        assert not (found.standing & ~standing).any()
        before, standing = fresh.standing.mean(), found.standing
    assert before < 0.2


# Which attacks count


def leap(key, margin, x, y, ball):
    """Steps three times as far as allowed."""
    return fgm(key, margin, x, y, Ball(3.0 * ball.radius, ball.norm))


def lie(key, margin, x, y, ball):
    """Stays and claims victory."""
    return Attacked(jnp.zeros_like(x), jnp.full_like(y, -1.0))


def crash(key, margin, x, y, ball):
    return Attacked(jnp.full_like(x, jnp.nan), jnp.full_like(y, -1.0))


def modest(key, margin, x, y, ball):
    """A true FGM step that reports a high margin."""
    attacked = fgm(key, margin, x, y, ball)
    return Attacked(attacked.perturbation, jnp.full_like(y, 9.0))


@pytest.mark.parametrize("cheat,norm", [(leap, "l1"), (leap, "l2"), (leap, "linf"), (lie, "l2"), (crash, "l2")])
def test_cheating_attacks_do_not_count(nets, cheat, norm):
    """They break nothing; where they left the ball, nobody knows whether the point stands."""
    assert cheat is not leap or (alone(leap, nets, Ball(RADIUS, norm)) <= 0).mean() > 0.4
    found = strike(nets, Ball(RADIUS, norm), (Given(cheat, name="cheat"),))
    np.testing.assert_array_equal(found.void, (clean(nets) > 0) & (cheat is not lie))
    np.testing.assert_array_equal(found.standing, (clean(nets) > 0) & (cheat is lie))
    np.testing.assert_allclose(found.margin, clean(nets), atol=1e-6)
    assert (found.broken_by == -1).all()


def test_a_cheat_does_not_stop_the_honest(nets):
    honest = strike(nets, Ball(RADIUS), (FGM(),))
    both = strike(nets, Ball(RADIUS), (Given(leap, name="leap"), Given(crash, name="crash"), FGM()))
    np.testing.assert_array_equal(both.void, honest.standing)
    np.testing.assert_array_equal(both.broken_by, np.where(honest.broken_by == 0, 2, -1))


def test_margins_are_evaluated_afresh(nets):
    honest = strike(nets, Ball(RADIUS), (FGM(),))
    found = strike(nets, Ball(RADIUS), (Given(modest, name="fgm"),))
    chex.assert_trees_all_close(found[:3], honest[:3], atol=1e-6)


def test_full_steps_are_legal_at_awkward_radii(nets):
    """Rounding of a normalised step must not make it illegal."""
    for norm in ("l1", "l2", "linf"):
        for radius in (1e-3, 0.1, 1 / 3, 0.7):
            found = strike(nets, Ball(radius, norm), (FGM(),), chunk=8)
            right = clean(nets) > 0
            expected = np.minimum(alone(fgm, nets, Ball(radius, norm)), clean(nets))
            np.testing.assert_array_equal(found.standing, right & (expected > 0))
            np.testing.assert_allclose(found.margin[right], expected[right], atol=1e-5)


def test_points_without_a_margin_do_not_stand(nets):
    """NaN is not positive, whether at the point itself or under a legal perturbation."""
    params, x, y = nets
    diverged = params | {"weight": params["weight"].at[1].set(jnp.nan)}
    assert not worst_case(KEY, margin_of, diverged, x, y, Ball(RADIUS), DETERMINISTIC).standing[1].any()

    def fragile_of(params):
        return lambda x, y: jnp.where(jnp.abs(x[:, 0]) > 10.0, jnp.nan, 1.0 + 0.0 * x[:, 0])

    def push(key, margin, x, y, ball):
        delta = jnp.zeros_like(x).at[:, 0].set(ball.radius)
        return Attacked(delta, margin(x + delta, y))

    at = jnp.zeros((SEEDS, POINTS, DIM)).at[:, ::2, 0].set(9.9)
    found = worst_case(KEY, fragile_of, params, at, y, Ball(0.2), (Given(push, name="push"),))
    np.testing.assert_array_equal(found.standing, np.arange(POINTS)[None, :].repeat(SEEDS, 0) % 2 == 1)


# Standing, chunks, seeds, progress


def test_fallen_points_are_left_alone(nets):
    everyone = strike(nets, Ball(RADIUS), DETERMINISTIC)
    standing = clean(nets) > 0
    standing[:, ::2] = False
    found = strike(nets, Ball(RADIUS), DETERMINISTIC, standing=standing)
    np.testing.assert_array_equal(found.standing, everyone.standing & standing)
    np.testing.assert_array_equal(found.broken_by, np.where(standing, everyone.broken_by, -1))
    np.testing.assert_allclose(found.margin[~standing], clean(nets)[~standing], atol=1e-6)
    assert standing[:, 1::2].any()


def test_the_callers_standing_is_not_changed(nets):
    standing = np.ones((SEEDS, POINTS), bool)
    strike(nets, Ball(1.6), (FGM(),), standing=standing)
    assert standing.all()


@pytest.mark.parametrize("chunk", [8, 512])
def test_chunks_do_not_change_deterministic_attacks(nets, chunk):
    whole = strike(nets, Ball(RADIUS), DETERMINISTIC, chunk=POINTS)
    found = strike(nets, Ball(RADIUS), DETERMINISTIC, chunk=chunk)
    np.testing.assert_array_equal(found.standing, whole.standing)
    np.testing.assert_array_equal(found.broken_by, whole.broken_by)
    np.testing.assert_allclose(found.margin, whole.margin, atol=1e-5)


def test_a_seed_does_not_see_the_others(nets):
    params, x, y = nets
    together = worst_case(KEY, margin_of, params, x, y, Ball(RADIUS), DETERMINISTIC)
    for seeds in ([0, 0, 0], [1, 1, 0], [2, 1, 2]):
        some = jax.tree.map(lambda leaf, seeds=seeds: leaf[jnp.array(seeds)], (params, x, y))
        found = strike(some, Ball(RADIUS), DETERMINISTIC)
        for place, s in enumerate(seeds):
            np.testing.assert_array_equal(found.standing[place], together.standing[s])
            np.testing.assert_array_equal(found.broken_by[place], together.broken_by[s])
            np.testing.assert_allclose(found.margin[place], together.margin[s], atol=1e-5)


def test_random_attacks_differ_between_seeds_chunks_and_attacks(nets):
    """The same point under the same net everywhere: only the draws differ."""

    def tip_of(params):
        return lambda x, y: 1.0 - jnp.abs(x[:, 0])

    def run(*attacks):
        x, y = jnp.zeros((SEEDS, POINTS, DIM)), jnp.ones((SEEDS, POINTS))
        named = tuple(Given(attack, name=str(i)) for i, attack in enumerate(attacks))
        return worst_case(KEY, tip_of, nets[0], x, y, Ball(0.1), named, chunk=8)

    found = run(Noise())
    assert found.standing.all()
    assert len(np.unique(found.margin)) > 0.95 * found.margin.size
    chex.assert_trees_all_equal(found[:3], run(Noise())[:3])
    twice = run(Noise(), Noise())
    assert (twice.margin <= found.margin).all()
    assert (twice.margin < found.margin).mean() > 0.25


@pytest.mark.parametrize("chunk", [8, 512])
def test_progress_counts_the_points_attacked(nets, chunk):
    done: list[int] = []
    found = strike(nets, Ball(RADIUS), DETERMINISTIC, chunk=chunk, progress=done.append)
    right = clean(nets) > 0
    attacked = sum((right & ((found.broken_by == -1) | (found.broken_by >= k))).sum() for k in range(3))
    assert sum(done) == attacked
    assert max(done) <= SEEDS * chunk


def test_every_attack_compiles_once(nets):
    """However many points the attacks before it have left standing."""
    chex.clear_trace_counter()
    counted = chex.assert_max_traces(fgm, n=1)
    left = set()
    for radius in (0.1, 0.3, 0.8):
        strike(nets, Ball(radius), (Along(jnp.ones(DIM)), Given(counted, name="fgm")), chunk=8)
        left.add(strike(nets, Ball(radius), (Along(jnp.ones(DIM)),), chunk=8).standing.sum(axis=1).max())
    assert len(left) > 1


def test_with_a_key_a_seed_its_numbers_do_not_depend_on_the_others():
    """Attacks draw by the seed's key and the point's place, not by the place along the seed axis."""
    keys = jax.random.split(jax.random.key(5), 3)
    draw = jax.random.normal(jax.random.key(6), (3, 40, 6))
    params, y = {"weight": draw[:, 0]}, jnp.ones((3, 40))

    def margin_of(params):
        return lambda x, y: y * (x @ params["weight"]) + 0.5

    suite = (Noise(), Square(queries=5))
    every = worst_case(keys, margin_of, params, draw, y, Ball(0.5), suite, chunk=16)
    for s in range(3):
        one = slice(s, s + 1)
        own = {"weight": params["weight"][one]}
        alone = worst_case(keys[one], margin_of, own, draw[one], y[one], Ball(0.5), suite, chunk=16)
        np.testing.assert_array_equal(alone.margin[0], every.margin[s])
        np.testing.assert_array_equal(alone.broken_by[0], every.broken_by[s])

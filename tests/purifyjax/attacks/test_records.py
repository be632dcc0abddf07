"""Attacks as records: equal by value, checked when made, one program for equal ones, in evaluation and training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.linen import Dense

from purifyjax.attacks import (
    APGD,
    FGM,
    PGD,
    Along,
    Attack,
    Attacked,
    BetweenClasses,
    CoordinateProfiles,
    Finding,
    Noise,
    Square,
    TowardsClasses,
    Transferred,
    apgd,
    distant_start,
    fgm,
    in_words,
    noise,
    pgd,
    square,
    universal,
    worst_case,
)
from purifyjax.balls import Ball
from purifyjax.data import SparseCoding
from purifyjax.errors import ConfigError
from purifyjax.frozen import FrozenArray
from purifyjax.margins import FixedMargin, descent
from purifyjax.models import NetMargin, SymmetricReLU
from purifyjax.training import (
    Phase,
    Recipe,
    Training,
    classifier_steps,
    fit,
    initial_classifier,
    initial_state,
    margin_of_classifier,
    run_steps,
    validate,
    validate_recipe,
)

SEEDS, POINTS, DIM, NEURONS = 2, 12, 5, 6
MODEL = SymmetricReLU(NEURONS, precision=jax.lax.Precision.HIGHEST)
KEY = jax.random.key(4)
BALL = Ball(0.4)
FEATURES = np.eye(3, DIM, dtype=np.float32)


def net(seed: int):
    rng = np.random.default_rng(seed)
    params = {"weight": rng.normal(size=(NEURONS, DIM)), "threshold": rng.uniform(0.0, 0.5, NEURONS)}
    return {name: jnp.asarray(value, jnp.float32) for name, value in params.items()}


def nets():
    """Nets of all seeds, points and labels."""
    rng = np.random.default_rng(7)
    params = jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(net, range(SEEDS)))
    x, y = rng.normal(size=(SEEDS, POINTS, DIM)), rng.choice([-1.0, 1.0], (SEEDS, POINTS))
    return params, jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32)


def one_net():
    """The first seed's margin, points and labels."""
    params, x, y = nets()
    return NetMargin(MODEL)(jax.tree.map(lambda leaf: leaf[0], params)), x[0], y[0]


# Made anew at every call, with arrays of their own
MAKERS: dict[str, Callable[[], Attack]] = {
    "fgm": FGM,
    "pgd": lambda: PGD(steps=4, restarts=2),
    "training": lambda: PGD.for_training(3, start="distant"),
    "apgd": lambda: APGD(steps=4),
    "noise": Noise,
    "universal": lambda: Along(jnp.arange(float(DIM))),
    "between": lambda: BetweenClasses(FEATURES.copy()),
    "towards": lambda: TowardsClasses(jnp.asarray(FEATURES), steps=2),
    "square": lambda: Square(queries=5),
    "profiles": lambda: CoordinateProfiles(np.eye(DIM), neurons=3, rounds=2, steps=2),
    "transferred": lambda: Transferred(FixedMargin(NetMargin(MODEL), net(1)), PGD(steps=2)),
}
every_attack = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())

# Equality


@every_attack
def test_records_are_equal_and_hashed_by_value_whatever_they_are_called(make):
    one, same = make(), make()
    assert isinstance(one, Attack)
    assert one == same and hash(one) == hash(same)
    renamed = replace(one, name="renamed")
    assert renamed.name == "renamed" and renamed == one and hash(renamed) == hash(one)


def test_other_settings_make_another_attack():
    attacks = {make() for make in MAKERS.values()}
    attacks |= {PGD(), PGD(steps=4), PGD(steps=4, restarts=2, start="distant"), PGD.for_training(3), APGD(steps=5)}
    attacks |= {Along(jnp.ones(DIM)), TowardsClasses(FEATURES), Square(queries=5, share=0.5), Square(queries=6)}
    attacks |= {Transferred(FixedMargin(NetMargin(MODEL), net(0)), PGD(steps=2))}
    assert len(attacks) == len(MAKERS) + 10


def test_names_and_use_of_gradients():
    told = {make().name: make().uses_gradients for make in MAKERS.values()}
    assert told == {
        "fgm": True,
        "pgd": True,
        "apgd": True,
        "noise": False,
        "universal": False,
        "between-classes": False,
        "towards-classes": True,
        "square": False,
        "profiles": True,
        "transferred": False,
    }
    assert not TowardsClasses(FEATURES).uses_gradients


def test_arrays_are_frozen():
    direction = np.arange(float(DIM))
    attack = Along(direction)
    direction[:] = 0.0
    assert attack == Along(np.arange(float(DIM))) and isinstance(attack.direction, FrozenArray)
    assert isinstance(BetweenClasses(FEATURES).features, FrozenArray)
    assert replace(attack, name="again").direction is attack.direction


def test_the_base_class_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        Attack()  # pyright: ignore[reportAbstractUsage]
    assert not isinstance(fgm, Attack)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: PGD(steps=0), "steps of PGD = 0"),
        (lambda: PGD(restarts=0), "restarts of PGD = 0"),
        (lambda: PGD(step_fraction=0.0), "step_fraction of PGD = 0.0"),
        (lambda: PGD(start="centre"), "start of PGD = 'centre'"),  # pyright: ignore[reportArgumentType]
        (lambda: PGD(keep="first"), "keep of PGD = 'first'"),  # pyright: ignore[reportArgumentType]
        (lambda: PGD(keep="last", restarts=2), "restarts of PGD = 2"),
        (lambda: PGD.for_training(0), "steps of PGD = 0"),
        (lambda: APGD(steps=0), "steps of APGD = 0"),
        (lambda: APGD(restarts=-1), "restarts of APGD = -1"),
        (lambda: Square(queries=0), "queries of the square attack = 0"),
        (lambda: Square(share=0.0), "share of the square attack = 0.0"),
        (lambda: TowardsClasses(FEATURES, steps=-1), "steps of TowardsClasses = -1"),
    ],
)
def test_settings_out_of_range_are_refused(make, told):
    with pytest.raises(ConfigError, match=f"^{told} is not allowed: "):
        make()


# What they do


@pytest.mark.parametrize(
    ("attack", "function"),
    [
        (FGM(), fgm),
        (PGD(steps=4, restarts=3), partial(pgd, steps=4, restarts=3)),
        (PGD(steps=4, step_fraction=1.5), partial(pgd, steps=4, step_fraction=1.5)),
        (APGD(4, 2, 0.5, 0.6), partial(apgd, steps=4, restarts=2, momentum=0.5, success_share=0.6)),
        (Noise(), noise),
        (Square(5, 0.4), partial(square, queries=5, share=0.4)),
        (Along(jnp.ones(DIM)), lambda key, *a: universal(jnp.ones(DIM), *a)),
    ],
    ids=lambda value: value.name if isinstance(value, Attack) else "",
)
def test_a_record_is_its_function_with_settings(attack, function):
    found, expected = attack(KEY, *one_net(), BALL), function(KEY, *one_net(), BALL)
    np.testing.assert_array_equal(found.perturbation, expected.perturbation)
    np.testing.assert_array_equal(found.margin, expected.margin)


@pytest.mark.parametrize(
    "attack", [*(make() for make in MAKERS.values()), PGD(3, start="distant"), PGD(3, keep="last")]
)
def test_perturb_gives_the_perturbations_of_the_call_whose_margins_are_true(attack):
    margin, x, y = one_net()
    if "classes" in attack.name:
        signed, y = margin, (y > 0).astype(jnp.int32)
        margin = lambda x, y: signed(x, 2.0 * y - 1.0)  # noqa: E731
    found = attack(KEY, margin, x, y, BALL)
    np.testing.assert_array_equal(attack.perturb(KEY, margin, x, y, BALL), found.perturbation)
    np.testing.assert_allclose(found.margin, margin(x + found.perturbation, y), rtol=1e-5, atol=1e-5)
    assert (np.linalg.norm(found.perturbation, axis=1) <= 0.4 * (1 + 1e-5)).all()


@pytest.mark.parametrize("start", ["random", "distant"])
@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_training_takes_the_last_of_projected_steps_by_twice_the_radius(start, norm):
    margin, x, y = one_net()
    ball = Ball(0.3, norm)
    delta = ball.interior(KEY, x.shape)
    if start == "distant":
        delta = delta.at[::2].set(distant_start(KEY, margin, x, y, ball)[::2])
    for _ in range(4):
        delta = ball.project(delta + (2.0 / 4) * ball.steepest(descent(margin, x + delta, y)))
    found = PGD.for_training(4, start=start).perturb(KEY, margin, x, y, ball)
    np.testing.assert_array_equal(found, delta)


def test_random_and_distant_starts_may_be_restarted():
    """More restarts never hurt, and here they help."""
    margin, x, y = one_net()
    for start in ("random", "distant"):
        once, often = (PGD(3, restarts=r, start=start)(KEY, margin, x, y, Ball(2.0)).margin for r in (1, 8))
        many = PGD(3, restarts=9, start=start)(KEY, margin, x, y, Ball(2.0)).margin
        assert np.mean(often) < np.mean(once) and np.mean(many) <= np.mean(once)


# Programs


def test_equal_records_share_a_program():
    """Neither a new record nor a new name nor a new radius compiles anew; another setting does."""
    traces = []

    @dataclass(frozen=True)
    class Counted(Attack):
        steps: int = 1

        def __call__(self, key, margin, x, y, ball):
            traces.append(self.steps)
            return fgm(key, margin, x, y, ball)

    found = [
        worst_case(KEY, NetMargin(SymmetricReLU(NEURONS)), *nets(), Ball(radius), (attack,))
        for attack, radius in ((Counted(), 0.1), (Counted(), 0.3), (Counted(name="other"), 0.3))
    ]
    assert traces == [1]
    np.testing.assert_array_equal(found[1].margin, found[2].margin)
    worst_case(KEY, NetMargin(SymmetricReLU(NEURONS)), *nets(), BALL, (Counted(2),))
    assert traces == [1, 2]


def test_the_worst_case_wants_distinct_names():
    with pytest.raises(ConfigError, match="^name of an attack = 'pgd' is not allowed: one that no other attack"):
        worst_case(KEY, NetMargin(MODEL), *nets(), BALL, (PGD(2), FGM(), PGD(3)))


# Findings


def flat(seed: int, count: int, of: int = 100) -> Finding:
    return Finding(seed, "flat", "", count, of, 0.0)


def test_few_points_without_a_gradient_are_no_warning_whatever_a_seed_says():
    assert in_words([]) == []
    assert in_words([flat(0, 1), flat(1, 1)]) == []  # 1% is not more than 1%
    assert in_words([flat(0, 10), flat(1, 0, 900)]) == []
    assert in_words([flat(0, 0, 0)]) == []
    assert in_words([flat(0, 3), flat(1, 0)]) == [
        "the gradient is exactly zero at 1.5% of the points: gradient attacks start blind there"
    ]


def test_findings_of_all_seeds_make_a_sentence_each():
    """In the order of the checks, then of the suite: counts are summed, sizes are the largest."""
    found = [
        Finding(1, "outside", "b", 2, 9, 0.5, 1),
        Finding(0, "outside", "a", 1, 9, 0.1, 0),
        Finding(0, "outside", "b", 3, 9, 2.0, 1),
        Finding(1, "masked", "square", 4, 9, 0.0, 2, "fgm, apgd"),
        Finding(0, "masked", "square", 1, 9, 0.0, 2, "fgm, apgd"),
        Finding(0, "random", "", 4, 9, 0.25),
        Finding(1, "random", "", 9, 9, 0.125),
    ]
    assert in_words(found) == [
        "the margin is not deterministic: a second evaluation differs by up to 0.25; average it over fixed draws",
        "square uses no gradient and broke 5 points that fgm, apgd left standing: gradients may be masked",
        "a left the ball at 1 points, which do not count: worst ‖δ‖/τ − 1 = 0.1",
        "b left the ball at 5 points, which do not count: worst ‖δ‖/τ − 1 = 2",
    ]


def test_a_finding_tells_its_seed():
    """The second net is a staircase, whose gradient is zero, in the wrong direction."""

    def margin_of(params):
        def margin(x, y):
            stairs = jnp.round(4.0 * y * jnp.sum(x, axis=-1)) / 4.0
            return jnp.where(params["flat"], stairs, y * jnp.sum(x, axis=-1))

        return margin

    rng = np.random.default_rng(3)
    x = jnp.asarray(rng.normal(size=(SEEDS, POINTS, DIM)), jnp.float32)
    params, y = {"flat": jnp.array([False, True])}, jnp.sign(jnp.sum(x, axis=-1))
    found = worst_case(KEY, margin_of, params, x, y, Ball(0.8), (FGM(), Square(queries=50)))
    zero = {f.seed: (f.count, f.of) for f in found.findings if f.kind == "flat"}
    standing = np.asarray(jax.vmap(lambda p, x, y: margin_of(p)(x, y))(params, x, y)) > 0
    assert zero == {0: (0, standing[0].sum()), 1: (standing[1].sum(), standing[1].sum())}
    (masked,) = (f for f in found.findings if f.kind == "masked")
    assert masked == Finding(1, "masked", "square", int((found.broken_by[1] == 1).sum()), POINTS, 0.0, 1, "fgm")
    assert masked.count > 0
    assert found.warnings == tuple(in_words(found.findings)) and len(found.warnings) == 2


# An attack of one's own


@dataclass(frozen=True)
class Halfway(Attack):
    """A steepest step that goes a share of the way."""

    share: float = 0.5
    uses_gradients: ClassVar[bool] = True

    def validate(self) -> None:
        if not 0 <= self.share <= 1:
            raise ConfigError(f"share = {self.share} is not allowed: from 0 to 1")

    def __call__(self, key, margin, x, y, ball):
        delta = self.share * ball.steepest(descent(margin, x, y))
        return Attacked(delta, margin(x + delta, y))


def test_it_has_a_name_and_is_validated():
    assert Halfway().name == "halfway" and Halfway(name="half").name == "half"
    with pytest.raises(ConfigError, match="share = 2"):
        Halfway(2.0)


def test_it_is_evaluated():
    """Half a step is a whole one at half the radius, and a whole one is FGM."""
    params, x, y = nets()
    of = NetMargin(MODEL)
    half = worst_case(KEY, of, params, x, y, Ball(0.8), (Halfway(),))
    at_half = worst_case(KEY, of, params, x, y, Ball(0.4), (FGM(),))
    np.testing.assert_array_equal(half.broken_by, at_half.broken_by)
    np.testing.assert_allclose(half.margin, at_half.margin, atol=1e-5)
    both = worst_case(KEY, of, params, x, y, Ball(0.8), (Halfway(), FGM()))
    assert set(np.unique(both.broken_by)) == {-1, 0, 1}


def test_it_trains_the_network_a_classifier_and_any_model():
    """With the same numbers as the attack that it equals."""

    def trained(attack: Attack) -> list[Any]:
        data = SparseCoding(dimension=24, sparsity=4, value_max=1.5, margin=0.5)
        phase = Phase(3, 8, 0.2, threshold=0.3, adversary=attack, radius=0.4)
        config = Training(data, 16, clean=(), robust=(phase,), init_scale=0.3)
        validate(config)
        state, _ = run_steps(KEY, initial_state(KEY, config), config, phase, 0, 0, 3)
        x, labels = nets()[1][0], jnp.arange(POINTS) % 3
        recipe = Recipe(3, learning_rate=0.3, adversary=attack, radius=0.4)
        validate_recipe(recipe, POINTS)
        start = initial_classifier(KEY, Dense(3), x)
        classifier, _ = classifier_steps(KEY, start, Dense(3), recipe, x, labels, 0, 3)
        signs = jnp.where(labels == 0, 1.0, -1.0)
        fitted = fit(KEY, NetMargin(MODEL), net(0), lambda key: (x, signs), Ball(0.4), adversary=attack, steps=3)
        return jax.tree.leaves((state.params, classifier.params, fitted.params))

    own, same, other = (trained(attack) for attack in (Halfway(1.0), FGM(), Halfway(0.25)))
    for mine, theirs in zip(own, same, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)
    assert any((np.abs(mine - less) > 1e-4).any() for mine, less in zip(own, other, strict=True))


def test_margins_of_classifiers_are_equal_for_equal_networks():
    one, same = margin_of_classifier(Dense(3)), margin_of_classifier(Dense(3))
    assert one == same and hash(one) == hash(same) and one != margin_of_classifier(Dense(4))

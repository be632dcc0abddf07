"""Odd inputs to every attack: one sentence, a warning, or the right number; never a wrong one in silence."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

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
    Attacked,
    Noise,
    Transferred,
    apgd,
    fgm,
    minimal_norm,
    noise,
    pgd,
    square,
    universal,
    worst_case,
)
from purifyjax.balls import Ball, Norm
from purifyjax.errors import ConfigError
from tests.purifyjax.attacks.given import Given

KEY, N, DIM = jax.random.key(0), 5, 4
RNG = np.random.default_rng(0)
X, WEIGHT = (jnp.asarray(RNG.normal(size=shape), jnp.float32) for shape in ((N, DIM), (DIM,)))
Y = jnp.sign(X @ WEIGHT)
ORDER = {"l1": 1, "l2": 2, "linf": np.inf}


def linear(x, y):
    return y * jnp.matmul(x, WEIGHT, precision="highest")


def in_worst_case(key, margin, x, y, ball):
    """The suite, with axes of one seed."""
    net = jnp.zeros(1)
    x, y = (values[None] if hasattr(values, "dtype") else values for values in (x, y))
    return worst_case(key, lambda p: lambda x, y: margin(x, y) + 0.0 * p, net, x, y, ball, (FGM(),))


# name -> (attack, whether it starts with a gradient, its norms)
FUNCTIONS: dict[str, tuple[Callable[..., Any], bool, tuple[Norm, ...]]] = {
    "fgm": (fgm, True, ("l1", "l2", "linf")),
    "pgd": (pgd, True, ("l1", "l2", "linf")),
    "apgd": (apgd, True, ("l1", "l2", "linf")),
    "minimal_norm": (lambda *given: minimal_norm(*given, steps=5), True, ("l1", "l2", "linf")),
    "noise": (noise, False, ("l1", "l2", "linf")),
    "square": (lambda *given: square(*given, queries=5), False, ("l2", "linf")),
    "universal": (lambda key, *given: universal(WEIGHT, *given), False, ("l1", "l2", "linf")),
    "FGM": (FGM(), True, ("l1", "l2", "linf")),
    "PGD, random": (PGD(steps=2, start="random"), True, ("l1", "l2", "linf")),
    "PGD, last": (PGD.for_training(2), True, ("l1", "l2", "linf")),
    "PGD, distant": (PGD(steps=2, restarts=2, start="distant"), True, ("l1", "l2", "linf")),
    "APGD": (APGD(steps=3, restarts=3), True, ("l1", "l2", "linf")),
    "Noise": (Noise(), False, ("l1", "l2", "linf")),
    "Along": (Along(np.ones(DIM)), False, ("l1", "l2", "linf")),
    "Transferred": (Transferred(linear, FGM()), False, ("l1", "l2", "linf")),
    "worst_case": (in_worst_case, False, ("l1", "l2", "linf")),
}
every = pytest.mark.parametrize("name", FUNCTIONS)
# One of each kind, where every case is a program of its own.
DISTINCT = ("fgm", "pgd", "apgd", "minimal_norm", "noise", "square", "universal", "PGD, distant", "worst_case")
distinct = pytest.mark.parametrize("name", DISTINCT)
ODD_POINTS = {
    "images": (X.reshape(N, 2, 2, 1), Y),
    "one point": (X[0], Y[0]),
    "no entries": (X[:, :0], Y),
    "labels as a column": (X, Y[:, None]),
    "a label too few": (X, Y[1:]),
    "whole numbers": (X.astype(int), Y),
    "labels that are words": (X, Y.astype(bool)),
    "a list of points": (np.asarray(X).tolist(), Y),
    "a list of labels": (X, np.asarray(Y).tolist()),
    "no labels": (X, None),
    "text": (np.full((N, DIM), "1"), Y),
    "objects": (np.ones((N, DIM), object), Y),
    "a NaN": (X.at[1, 2].set(jnp.nan), Y),
    "an infinite entry": (X.at[1, 2].set(-jnp.inf), Y),
    "labels 1 and 2": (X, jnp.where(Y > 0, 2.0, 1.0)),
    "whole labels 1 and 2": (X, jnp.where(Y > 0, 2, 1).astype(jnp.uint8)),
    "labels 0 and 1": (X, (Y > 0).astype(jnp.float32)),
    "whole labels 0 and 1": (X, (Y > 0).astype(jnp.int32)),
}


@every
@pytest.mark.parametrize("points", ODD_POINTS)
def test_points_that_would_be_misread_are_refused(name, points):
    attack, _, norms = FUNCTIONS[name]
    x, y = ODD_POINTS[points]
    for norm in norms:
        with pytest.raises(ConfigError, match=r"\b(x|y)\b.* is not allowed"):
            attack(KEY, linear, x, y, Ball(0.1, norm))


@every
def test_margins_of_another_shape_are_refused(name):
    """As of a net whose output has a last axis of one."""
    attack, _, norms = FUNCTIONS[name]
    for norm in norms:
        with pytest.raises(ConfigError, match="one number a point"):
            attack(KEY, lambda x, y: linear(x, y)[:, None], X, Y, Ball(0.1, norm))


@distinct
def test_points_of_half_precision_are_attacked(name):
    attack, _, norms = FUNCTIONS[name]
    for norm in norms:
        found = attack(KEY, linear, X.astype(jnp.bfloat16), Y, Ball(0.1, norm))
        assert name in ("minimal_norm", "worst_case") or found.perturbation.dtype == jnp.bfloat16


@distinct
def test_no_points_give_an_empty_answer(name):
    attack, _, norms = FUNCTIONS[name]
    for norm in norms:
        found = attack(KEY, linear, X[:0], Y[:0], Ball(0.1, norm))
        assert all(np.size(leaf) == 0 for leaf in jax.tree.leaves(found))


@distinct
def test_neither_margins_nor_points_have_a_scale(name):
    """Perturbations lie in the ball at every scale; the best of attacks from the FGM point is the closed form."""
    attack, _, norms = FUNCTIONS[name]

    def struck(x, ball, by):
        return attack(KEY, lambda x, y: by * linear(x, y), x, Y, ball)

    run = struck if name == "worst_case" else jax.jit(struck)
    for norm in norms:
        dual = np.linalg.norm(np.asarray(WEIGHT, float), ord={"l1": np.inf, "l2": 2, "linf": 1}[norm])
        for by, unit in ((1e-20, 1.0), (1e20, 1.0), (1e-25, 1.0), (1.0, 1e-15), (1.0, 1e15), (1e-15, 1e15)):
            x, radius = X * jnp.float32(unit), 0.1 * unit
            found = run(x, Ball(radius, norm), jnp.float32(by))
            if name == "minimal_norm":
                exact = np.asarray(linear(x, Y), float) / dual
                np.testing.assert_allclose(found.radius, np.where(exact > radius, np.inf, exact), rtol=1e-5)
                continue
            assert np.isfinite(found.margin).all()
            if isinstance(found, Attacked):
                size = np.linalg.norm(np.asarray(found.perturbation, float), ord=ORDER[norm], axis=-1)
                assert (size <= radius * (1 + 1e-5)).all()
            if name in ("fgm", "pgd", "apgd"):
                exact = by * (np.asarray(linear(x, Y), float) - radius * dual)
                np.testing.assert_allclose(found.margin, exact, rtol=1e-4, atol=1e-6 * by * unit)


def rooted(x, y):
    """√|x_0| has no derivative at 0, where every other coordinate's is finite."""
    return 0.5 + jnp.sqrt(jnp.abs(x[:, 0])) + y * (0.0 * x[:, 0]) - 2.0 * jnp.abs(x[:, 1])


def flat(x, y):
    return 0.5 - jnp.maximum(jnp.abs(x[:, 0]) - 0.01, 0.0) + 0.0 * y


@distinct
@pytest.mark.parametrize("margin", [rooted, flat])
def test_starts_without_a_gradient_are_told_and_do_no_harm(name, margin):
    attack, gradients, norms = FUNCTIONS[name]
    x = jnp.zeros((N, DIM))
    for norm in norms if margin is rooted else ("l2",):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            found = attack(KEY, margin, x, Y, Ball(0.4, norm))
        texts = [str(warning.message) for warning in told] + [*getattr(found, "warnings", ())]
        blind = [text for text in texts if "gradient" in text]
        assert bool(blind) == (gradients or name == "worst_case"), texts
        if name == "minimal_norm":
            assert np.asarray(found.blind).all()
        else:
            assert np.isfinite(found.margin).all()


@every
def test_points_whose_margin_is_no_number_do_not_stand(name):
    attack, gradients, norms = FUNCTIONS[name]
    for norm in norms:
        run = attack if name == "worst_case" else jax.jit(attack, static_argnums=1)
        found = run(KEY, lambda x, y: y * jnp.log(-jnp.abs(x[:, 0]) - 1.0), X, Y, Ball(0.1, norm))
        stands = found.radius > 0 if name == "minimal_norm" else found.margin > 0
        assert not np.asarray(stands).any()


def test_minimal_norm_meets_margins_that_are_no_number():
    """Within 0.05 of x the margin is positive, beyond it is NaN."""
    x = jnp.zeros((N, DIM))
    found = minimal_norm(KEY, lambda x, y: jnp.where(jnp.abs(x[:, 0]) < 0.05, 1.0 - x[:, 0], jnp.nan), x, Y, Ball(0.2))
    assert ((found.radius > 0.0499) & (found.radius <= 0.2)).all()


def test_minimal_norm_leaves_points_without_a_gradient():
    """|x_1| breaks every point at 1/4, whatever the derivative of √|x_0| at 0."""
    with pytest.warns(UserWarning, match="5 of 5 points"):
        found = minimal_norm(KEY, rooted, jnp.zeros((N, DIM)), Y, Ball(3.0), restarts=3)
    assert np.isfinite(found.radius).all()
    inside = jax.jit(lambda x: minimal_norm(KEY, rooted, x, Y, Ball(3.0)))(jnp.zeros((N, DIM)))
    assert np.asarray(inside.blind).all()
    at_ease = jax.jit(lambda x: minimal_norm(KEY, linear, x, Y, Ball(3.0)))(X)
    assert not np.asarray(at_ease.blind).any()


def beyond(key, margin, x, y, ball):
    return Attacked(jnp.full_like(x, jnp.inf).at[0].set(0.0), jnp.ones(len(x)))


def test_illegal_perturbations_make_a_point_void_not_standing():
    """Unless an honest attack breaks it: that is known."""
    leaves, margin_of = Given(beyond, name="leaves"), lambda p: linear
    found = worst_case(KEY, margin_of, WEIGHT[None], X[None], Y[None], Ball(1e-3), (leaves,))
    np.testing.assert_array_equal(found.void, np.arange(N)[None] > 0)
    np.testing.assert_array_equal(found.standing, np.arange(N)[None] == 0)
    assert (found.broken_by == -1).all()
    assert any("left the ball" in text for text in found.warnings)
    broken = worst_case(KEY, margin_of, WEIGHT[None], X[None], Y[None], Ball(30.0), (leaves, FGM()))
    assert not broken.void.any() and not broken.standing.any() and (broken.broken_by == 1).all()


def test_attack_records_of_the_base_class_keep_their_protocol():
    assert issubclass(Given, Attack) and Given(beyond).name == "given"
